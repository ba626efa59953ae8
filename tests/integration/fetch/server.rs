//! A photo's server: HTTPS on a free port of 127.0.0.1, whose answers each test writes byte by byte, and
//! the network that leads to it: names that resolve as the test says, and one authority that is trusted.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    sync::{Arc, LazyLock, Mutex},
    thread,
    time::Duration,
};

use futures_util::FutureExt;
use inference_service::fetch::{FetchError, FetchOptions, Fetcher, Memory, Network};
use rcgen::{CertifiedKey, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// Stands for a public address.
pub const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 1));

/// Stands for a private one.
pub const PRIVATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

/// Names that the server's certificate is for.
const NAMES: [&str; 4] =
    ["photos.example", "cdn.example", "inside.example", "xn--bcher-kva.example"];

static CERTIFIED: LazyLock<CertifiedKey<KeyPair>> =
    LazyLock::new(|| rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).unwrap());

pub type Stream = BufReader<StreamOwned<ServerConnection, TcpStream>>;

/// See the module.
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// A server at [`PUBLIC`] that answers each request by `answer`, which is given its path.
    pub fn start(answer: impl Fn(&str, &mut Stream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((PUBLIC, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(answer));
        let heads = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (heads, answer) = (Arc::clone(&heads), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &heads, &*answer));
            }
        });
        Self { port, seen }
    }

    /// A server that has one answer.
    pub fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_, stream| send(stream, &answer))
    }

    /// The heads of the requests that came.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// The URL of a path at this server under a name.
    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }

    /// Fetches from this server alone, as `photos.example`, `cdn.example` and `inside.example`.
    pub fn fetcher(&self, names: &Names) -> Fetcher {
        self.fetcher_with(names, |_| {})
    }

    /// The same with other options.
    pub fn fetcher_with(&self, names: &Names, change: impl Fn(&mut FetchOptions)) -> Fetcher {
        let hosts = NAMES.map(|name| format!("{name}:{}", self.port)).join(",");
        let timeout = Duration::from_secs(60);
        let mut options =
            FetchOptions { hosts: hosts.parse().unwrap(), timeout, max_bytes: 1 << 20 };
        change(&mut options);
        Fetcher::on(names.network(), options)
    }
}

fn serve(stream: TcpStream, heads: &Mutex<Vec<String>>, answer: &dyn Fn(&str, &mut Stream)) {
    static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
        let key = PrivatePkcs8KeyDer::from(CERTIFIED.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![CERTIFIED.cert.der().clone()], PrivateKeyDer::from(key));
        Arc::new(config.unwrap())
    });
    let connection = ServerConnection::new(Arc::clone(&CONFIG)).unwrap();
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut head = String::new();
    // A client that does not like the certificate ends here.
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|read| read > 0) {}
    let Some(path) = head.split(' ').nth(1).map(str::to_owned) else { return };
    heads.lock().unwrap().push(head);
    answer(&path, &mut stream);
    stream.get_mut().conn.send_close_notify();
    let _ = stream.get_mut().flush();
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Writes, to a client that may have gone.
pub fn send(stream: &mut Stream, bytes: &[u8]) {
    let _ = stream.get_mut().write_all(bytes).and_then(|()| stream.get_mut().flush());
}

/// An answer with a status, fields and a body of announced length.
pub fn answer(status: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{fields}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// An answer that redirects.
pub fn redirect(to: &str) -> Vec<u8> {
    answer("302 Found", &format!("location: {to}\r\n"), b"")
}

/// Waits until the client has closed the connection.
pub fn await_close(stream: &mut Stream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
}

/// What names resolve to: the answers of each in turn, the last of them from then on.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<Lookups>>);

#[derive(Default)]
struct Lookups {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: Vec<String>,
}

impl Names {
    /// All names of the server are [`PUBLIC`].
    pub fn public() -> Self {
        let names = Self::default();
        NAMES.iter().for_each(|name| names.set(name, &[&[PUBLIC]]));
        names
    }

    /// `name` has these answers, one after another.
    pub fn set(&self, name: &str, answers: &[&[IpAddr]]) {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        self.0.lock().unwrap().answers.insert(name.to_owned(), answers);
    }

    /// The names that were looked up.
    pub fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    fn look_up(&self, name: String) -> std::io::Result<Vec<IpAddr>> {
        let mut lookups = self.0.lock().unwrap();
        let answers = lookups.answers.get_mut(&name);
        let answer = answers.map(|answers| match answers.len() {
            1 => answers[0].clone(),
            _ => answers.remove(0),
        });
        lookups.asked.push(name);
        answer.ok_or_else(|| std::io::Error::other("no such name"))
    }

    /// A network of these names, in which [`PUBLIC`] alone is public.
    pub fn network(&self) -> Network {
        let mut roots = RootCertStore::empty();
        roots.add(CERTIFIED.cert.der().clone()).unwrap();
        let names = self.clone();
        Network {
            resolver: Arc::new(move |name| std::future::ready(names.look_up(name)).boxed()),
            may_connect: |address| address == PUBLIC,
            tls: Arc::new(tls(roots)),
        }
    }
}

/// TLS that believes these authorities.
pub fn tls(roots: RootCertStore) -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Memory that notes what is asked of it.
#[derive(Default)]
pub struct Noted(pub Vec<usize>);

impl Memory for &mut Noted {
    async fn grow(&mut self, bytes: usize) -> Result<(), FetchError> {
        self.0.push(bytes);
        Ok(())
    }
}

/// What comes of fetching `url`: the file, or the error's code and words.
pub async fn fetch(fetcher: &Fetcher, url: &str) -> Result<Vec<u8>, (&'static str, String)> {
    let fetched = fetcher.get(url, &mut Noted::default()).await;
    fetched.map(Vec::from).map_err(|error| (error.code(), error.to_string()))
}
