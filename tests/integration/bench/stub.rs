//! A server that answers as a test wants, also with what the service never does.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

/// What to do with request `n` of all connections, counted from 0: what to write, and whether the
/// connection stays open.
pub type Answer = dyn Fn(usize) -> (String, bool) + Send + Sync;

/// Serves until the process ends, each connection on a thread of its own.
pub fn serve(answer: impl Fn(usize) -> (String, bool) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let (answer, served): (Arc<Answer>, _) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (answer, served) = (Arc::clone(&answer), Arc::clone(&served));
            thread::spawn(move || connection(stream.unwrap(), &*answer, &served));
        }
    });
    address
}

fn connection(stream: TcpStream, answer: &Answer, served: &AtomicUsize) {
    let mut stream = BufReader::new(stream);
    while read_request(&mut stream) {
        let (answer, goes_on) = answer(served.fetch_add(1, SeqCst));
        if stream.get_mut().write_all(answer.as_bytes()).is_err() || !goes_on {
            return;
        }
    }
}

/// Reads one request; false at the end of the connection.
fn read_request(stream: &mut impl BufRead) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if !stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            return false;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    std::io::copy(&mut stream.take(length), &mut std::io::sink()).is_ok_and(|read| read == length)
}

/// An answer without a body.
pub fn reply(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n{headers}\r\n")
}
