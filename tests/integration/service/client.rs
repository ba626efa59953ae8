//! Two clients: an ordinary one for what any client does, and connections on which every byte is the
//! test's own. Both give up after [`PATIENCE`].

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::LazyLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use ureq::{Agent, http};

use super::PATIENCE;

/// Sends any request to `address`, by an ordinary client.
pub fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    static AGENT: LazyLock<Agent> = LazyLock::new(|| {
        Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build()
            .new_agent()
    });
    let mut request =
        http::Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = if body.is_empty() && method != "POST" {
        AGENT.run(request.body(()).unwrap())
    } else {
        AGENT.run(request.body(body).unwrap())
    };
    let (head, body) =
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}")).into_parts();
    let mut bytes = Vec::new();
    body.into_reader().read_to_end(&mut bytes).unwrap();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()));
    Reply { status: head.status.as_u16(), headers: headers.collect(), body: bytes }
}

/// What a request was answered with.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(given, _)| given == name)?;
        Some(value)
    }

    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub fn with_status(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text().chars().take(500).collect::<String>());
        self.json()
    }

    /// The embeddings of an answer that has one for each photo.
    #[track_caller]
    pub fn embeddings(&self) -> Vec<Vec<f32>> {
        let answer = self.with_status(200);
        let embeddings: Vec<Vec<f32>> =
            serde_json::from_value(answer["embeddings"].clone()).unwrap();
        assert_eq!(answer["count"], embeddings.len());
        embeddings
    }
}

/// A connection on which every byte is the test's own.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Reads the head of an answer, and its body by its `content-length`.
    pub fn read(&mut self) -> Reply {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &String| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        };
        let mut reply =
            Reply { status, headers: lines[1..].iter().map(header).collect(), body: Vec::new() };
        let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
        reply.body = vec![0; length];
        self.0.read_exact(&mut reply.body).unwrap();
        reply
    }

    /// Sends a request without a body.
    pub fn get(&mut self, path: &str) {
        self.write(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
    }

    /// Waits until the service closes the connection, whatever comes before, and says how long that
    /// took.
    pub fn await_close(&mut self) -> Duration {
        let start = Instant::now();
        let mut bytes = [0; 4096];
        loop {
            match self.0.read(&mut bytes) {
                Ok(0) => return start.elapsed(),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return start.elapsed(),
                Err(error) => panic!("the connection is still open: {error}"),
            }
        }
    }

    /// Whether nothing comes for so long.
    pub fn is_silent_for(&mut self, time: Duration) -> bool {
        self.0.get_ref().set_read_timeout(Some(time)).unwrap();
        let read = self.0.fill_buf().map(<[u8]>::len);
        self.0.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// A request whose body the service has begun to read and has not got.
    pub fn begin(&mut self, path: &str, content_type: &str, length: usize) {
        self.write(format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n\
             content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        ));
        assert_eq!(self.read().status, 100);
    }
}
