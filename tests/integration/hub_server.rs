//! A model hub on 127.0.0.1 for tests: a hub that answers HEAD and GET of
//! `/ORG/NAME/resolve/REVISION/FILE`, and a storage server on another port that large files are
//! redirected to. Faults are queued by the test and used up one an answer. Every request is
//! recorded.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The commit that `main` stands for at first.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const REPO: &str = "org/name";

/// What goes wrong with one answer.
#[derive(Clone)]
pub enum Fault {
    /// The content breaks off after so many bytes.
    Cut(usize),
    /// The content stops after so many bytes, and the connection stays open until the client closes
    /// it.
    Stall(usize),
    /// This status and, as `x-error-code`, this code.
    Status(u16, Option<&'static str>),
    /// One byte of the content is another.
    Wrong,
    /// A byte more than announced.
    Longer,
    /// 200 and the whole content, whatever range was asked for.
    IgnoreRange,
    /// The same, and the content breaks off after so many bytes.
    IgnoreRangeAndCut(usize),
    /// 416 to any range.
    RefuseRange,
    /// The content waits until the hub has had so many HEAD requests.
    AwaitHeads(usize),
    /// A page of a captive portal.
    Portal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    Hub,
    Storage,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub role: Role,
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub range: Option<String>,
}

/// The hub's content and the faults to come; tests change it between requests.
pub struct State {
    pub commit: String,
    pub large: HashMap<String, Vec<u8>>,
    pub small: HashMap<String, Vec<u8>>,
    pub head_faults: VecDeque<Fault>,
    pub get_faults: VecDeque<Fault>,
    /// A former name of the repository, redirected to the present one.
    pub former: Option<String>,
    pub seen: Vec<Seen>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    storage: String,
}

pub struct HubServer {
    shared: Arc<Shared>,
    endpoint: String,
}

impl HubServer {
    pub fn start() -> Self {
        let [hub, storage] = [(), ()].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            commit: COMMIT.to_owned(),
            large: HashMap::new(),
            small: HashMap::new(),
            head_faults: VecDeque::new(),
            get_faults: VecDeque::new(),
            former: None,
            seen: Vec::new(),
        };
        let endpoint = address(&hub);
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            storage: address(&storage),
        });
        for (listener, role) in [(hub, Role::Hub), (storage, Role::Storage)] {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &role, &shared));
        }
        Self { shared, endpoint }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }

    pub fn large(&self, file: &str, content: &[u8]) {
        self.state().large.insert(file.to_owned(), content.to_owned());
    }

    pub fn small(&self, file: &str, content: &[u8]) {
        self.state().small.insert(file.to_owned(), content.to_owned());
    }

    /// Faults of the next answers to HEAD.
    pub fn head_faults<const N: usize>(&self, faults: [Fault; N]) {
        self.state().head_faults = faults.into();
    }

    /// Faults of the next answers that carry content.
    pub fn get_faults<const N: usize>(&self, faults: [Fault; N]) {
        self.state().get_faults = faults.into();
    }

    /// How many requests of this method each server has had: (hub, storage).
    pub fn count(&self, method: &str) -> (usize, usize) {
        let state = self.state();
        let count = |role: Role| {
            state.seen.iter().filter(|seen| seen.role == role && seen.method == method).count()
        };
        (count(Role::Hub), count(Role::Storage))
    }

    /// The `Range` headers of the requests that reached the content of large files, in order.
    pub fn ranges(&self) -> Vec<Option<String>> {
        let state = self.state();
        let seen = state.seen.iter().filter(|seen| seen.role == Role::Storage);
        seen.map(|seen| seen.range.clone()).collect()
    }
}

pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

pub fn git_blob(content: &[u8]) -> String {
    let header = format!("blob {}\0", content.len());
    hex(&Sha1::new_with_prefix(header).chain_update(content).finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An address that refuses connections.
pub fn nobody() -> String {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn accept(listener: &TcpListener, role: &Role, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let (role, shared) = (role.clone(), Arc::clone(shared));
        // A client that hangs up early is part of some tests.
        thread::spawn(move || serve(stream, role, &shared).ok());
    }
}

fn serve(mut stream: TcpStream, role: Role, shared: &Shared) -> io::Result<()> {
    let Some(seen) = read_request(&mut stream, role)? else { return Ok(()) };
    let mut state = shared.state.lock().unwrap();
    state.seen.push(seen.clone());
    shared.changed.notify_all();
    let carries_content = seen.role == Role::Storage || is_small(&state, &seen.path);
    let fault = match seen.method.as_str() {
        "HEAD" => state.head_faults.pop_front(),
        _ if carries_content => state.get_faults.pop_front(),
        _ => None,
    };
    if let Some(Fault::AwaitHeads(heads)) = fault {
        let few =
            |state: &mut State| state.seen.iter().filter(|s| s.method == "HEAD").count() < heads;
        state = shared.changed.wait_while(state, few).unwrap();
    }
    let answer = answer(&state, &seen, &shared.storage, fault.as_ref());
    drop(state);
    send(&mut stream, &seen, answer, fault.as_ref())
}

fn read_request(stream: &mut TcpStream, role: Role) -> io::Result<Option<Seen>> {
    let mut lines = BufReader::new(stream).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut seen = Seen { role, method, path, authorization: None, range: None };
    for line in lines {
        let line = line?;
        match line.split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                seen.authorization = Some(value.to_owned());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                seen.range = Some(value.to_owned());
            }
            Some(_) => {}
        }
    }
    Ok(Some(seen))
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn file_of(path: &str) -> &str {
    let path = path.split('?').next().unwrap();
    path.split("/resolve/")
        .nth(1)
        .and_then(|rest| rest.split_once('/'))
        .map_or("", |(_, file)| file)
}

fn is_small(state: &State, path: &str) -> bool {
    state.small.contains_key(file_of(path))
}

fn answer(state: &State, seen: &Seen, storage: &str, fault: Option<&Fault>) -> Answer {
    let file = file_of(&seen.path);
    let commit = ("x-repo-commit", state.commit.clone());
    let error = |status, code: Option<&str>| {
        let mut headers = vec![];
        headers.extend(code.map(|code| ("x-error-code", code.to_owned())));
        headers.extend((code == Some("EntryNotFound")).then(|| commit.clone()));
        Answer { status, headers, body: b"no".to_vec() }
    };
    let repo = seen.path.split("/resolve/").next().unwrap().trim_start_matches('/');
    match fault {
        Some(&Fault::Status(status, code)) => return error(status, code),
        Some(Fault::Portal) => {
            return Answer { status: 200, headers: vec![], body: b"log in".to_vec() };
        }
        _ if seen.role == Role::Hub && state.former.as_deref() == Some(repo) => {
            let location = ("location", seen.path.replacen(repo, REPO, 1));
            return Answer { status: 307, headers: vec![location], body: vec![] };
        }
        _ if seen.role == Role::Hub && repo != REPO => return error(404, Some("RepoNotFound")),
        _ => {}
    }
    if let Some(content) = state.small.get(file) {
        let etag = ("etag", format!("W/\"{}\"", git_blob(content)));
        return content_answer(content, vec![etag, commit], seen, fault);
    }
    let Some(content) = state.large.get(file) else { return error(404, Some("EntryNotFound")) };
    if seen.role == Role::Storage {
        return content_answer(
            content,
            vec![("etag", "\"of-the-storage\"".to_owned())],
            seen,
            fault,
        );
    }
    let headers = vec![
        ("location", format!("{storage}{}?Signature=secret", seen.path)),
        ("x-linked-etag", format!("\"{}\"", sha256(content))),
        ("x-linked-size", content.len().to_string()),
        commit,
    ];
    Answer { status: 302, headers, body: b"Found. Redirecting".to_vec() }
}

fn content_answer(
    content: &[u8],
    mut headers: Vec<(&'static str, String)>,
    seen: &Seen,
    fault: Option<&Fault>,
) -> Answer {
    let mut body = content.to_vec();
    match fault {
        Some(Fault::Wrong) => body[0] ^= 1,
        Some(Fault::Longer) => body.push(0),
        _ => {}
    }
    let from = seen.range.as_deref().map(|range| {
        range
            .strip_prefix("bytes=")
            .and_then(|r| r.strip_suffix('-'))
            .unwrap()
            .parse::<usize>()
            .unwrap()
    });
    match from {
        Some(_) if matches!(fault, Some(Fault::IgnoreRange | Fault::IgnoreRangeAndCut(_))) => {}
        Some(from) if from >= body.len() || matches!(fault, Some(Fault::RefuseRange)) => {
            return Answer { status: 416, headers: vec![], body: vec![] };
        }
        Some(from) => {
            let (last, total) = (body.len() - 1, body.len());
            headers.push(("content-range", format!("bytes {from}-{last}/{total}")));
            return Answer { status: 206, headers, body: body.split_off(from) };
        }
        None => {}
    }
    Answer { status: 200, headers, body }
}

fn send(
    stream: &mut TcpStream,
    seen: &Seen,
    answer: Answer,
    fault: Option<&Fault>,
) -> io::Result<()> {
    let Answer { status, headers, body } = answer;
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    if seen.method == "HEAD" {
        return Ok(());
    }
    let end = match fault {
        Some(&(Fault::Cut(end) | Fault::IgnoreRangeAndCut(end) | Fault::Stall(end))) => {
            end.min(body.len())
        }
        _ => body.len(),
    };
    stream.write_all(&body[..end])?;
    if let Some(Fault::Stall(_)) = fault {
        stream.read_exact(&mut [0])?;
    }
    Ok(())
}
