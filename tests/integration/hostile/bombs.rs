//! Small files and requests that ask for much: each is built by hand, and refused (or read, where it
//! is only odd) soon and within little memory. What they would cost undefended is minutes, or
//! gigabytes. The service's peak memory is read from Linux; elsewhere only time is looked at.

mod jpeg;
mod others;
mod png;
mod requests;
mod tiff;
mod webp;

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::service::{CAT, Reply, Service, assert_near};

/// For one bomb. What is promised is 100 ms on an idle machine; the slowest are printed.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Memory that a bomb may take at its peak, its body counted.
const MEMORY_LIMIT: u64 = 64 << 20;

/// A request and what it is answered with.
pub struct Bomb {
    name: &'static str,
    path: &'static str,
    content_type: String,
    headers: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    /// The status and code of its refusal; nothing where it is a photo like any other.
    refusal: Option<(u16, &'static str)>,
}

/// A photo that is refused with `code`.
fn photo(name: &'static str, code: &'static str, body: Vec<u8>) -> Bomb {
    Bomb { refusal: Some((400, code)), ..odd_photo(name, body) }
}

/// A photo that is read, and costs no more than any.
fn odd_photo(name: &'static str, body: Vec<u8>) -> Bomb {
    let content_type = "application/octet-stream".to_owned();
    Bomb { name, path: "/embed", content_type, headers: Vec::new(), body, refusal: None }
}

/// Kilobytes of the process that `/proc` gives under `name`; nothing where there is no such thing.
fn memory(service: &Service, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid)).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a bomb; gives the answer, the time, and the bytes that the process grew by at its peak.
fn explode(service: &Service, bomb: &Bomb) -> (Reply, Duration, Option<u64>) {
    // Resets the peak; not permitted everywhere.
    let reset = fs::write(format!("/proc/{}/clear_refs", service.pid), "5").is_ok();
    let before = memory(service, "VmRSS:").filter(|_| reset);
    let mut headers = vec![("content-type", &bomb.content_type[..])];
    headers.extend(&bomb.headers);
    let start = Instant::now();
    let reply = service.send("POST", bomb.path, &headers, &bomb.body);
    let took = start.elapsed();
    let grown = memory(service, "VmHWM:").zip(before).map(|(peak, before)| peak - before);
    (reply, took, grown.map(|kilobytes| kilobytes << 10))
}

#[test]
fn bombs_are_refused_soon_and_within_little_memory() {
    // Enough for the largest legal photo of any kind, so that it is the decoders who refuse.
    let service = Service::tiny(&["--memory-limit", "64GiB"]);
    let good = || service.post("/embed", "image/png", &CAT).embeddings().remove(0);
    let first = good();
    let all = [jpeg::all, png::all, webp::all, others::all, tiff::all, requests::all];
    let bombs: Vec<Bomb> = all.iter().flat_map(|bombs| bombs()).collect();
    assert!(bombs.len() >= 40, "only {} bombs", bombs.len());
    let mut failures = Vec::new();
    for bomb in &bombs {
        let (reply, took, grown) = explode(&service, bomb);
        let code = reply.json()["code"].as_str().map(str::to_owned);
        let mib = grown.map_or("?".to_owned(), |bytes| (bytes >> 20).to_string());
        let found = (reply.status, code.as_deref().unwrap_or("read"));
        println!("{:60} {found:?} {took:.1?}, {mib} MiB of {}", bomb.name, bomb.body.len());
        if found != bomb.refusal.unwrap_or((200, "read")) {
            let text: String = reply.text().chars().take(200).collect();
            failures.push(format!("{}: {found:?} {text}", bomb.name));
        }
        if took > TIME_LIMIT || grown.is_some_and(|bytes| bytes > MEMORY_LIMIT) {
            failures.push(format!("{}: {took:?}, {mib} MiB", bomb.name));
        }
        assert_near(&good(), &first);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
