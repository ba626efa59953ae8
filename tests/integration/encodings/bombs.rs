//! Little that becomes much costs no more than what may come anyway, in memory and in work: it is
//! refused where the limit of bodies is passed, long before its end.

use std::{fs, io::Write};

use flate2::{Compress, Compression, FlushCompress};

use super::gzip;
use crate::service::{CAT, Service, limited};

/// Ten gigabytes of zeros as 10 MB of gzip: one block again and again.
fn gzip_bomb() -> Vec<u8> {
    const BLOCK: usize = 16 << 20;
    let mut block = Vec::with_capacity(64 << 10);
    let mut deflate = Compress::new(Compression::best(), false);
    deflate.compress_vec(&vec![0; BLOCK], &mut block, FlushCompress::Full).unwrap();
    let mut bomb = gzip(b"")[..10].to_vec();
    (0..640).for_each(|_| bomb.extend_from_slice(&block));
    bomb
}

/// The head of a zstd frame without a length (RFC 8878, section 3.1.1), whose window has 2^`log` bytes.
fn zstd_head(log: u8) -> Vec<u8> {
    vec![0x28, 0xB5, 0x2F, 0xFD, 0, (log - 10) << 3]
}

/// Ten gigabytes of zeros as 320 kB of zstd: blocks of one byte many times.
fn zstd_bomb(log: u8) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    let mut bomb = zstd_head(log);
    for _ in 0..80_000 {
        bomb.extend_from_slice(&(BLOCK << 3 | 1 << 1).to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

/// What the process has used: its peak of memory since [`reset`] in bytes.
fn peak(service: &Service) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Forgets the peak so far; false where that is not permitted.
fn reset(service: &Service) -> bool {
    fs::write(format!("/proc/{}/clear_refs", service.pid), "5").is_ok()
}

#[test]
fn a_bomb_is_refused_within_the_memory_of_a_body() {
    let service = Service::tiny(&["--max-body-bytes", "4MiB"]);
    service.post("/embed", "image/png", &CAT).embeddings();
    for (coding, bomb) in [("gzip", gzip_bomb()), ("zstd", zstd_bomb(17)), ("zstd", zstd_bomb(23))]
    {
        let before = reset(&service).then(|| peak(&service)).flatten();
        // Only its first part is ever sent: nobody waits for the rest.
        let first = &bomb[..bomb.len().min(100_000)];
        let mut connection = service.connect();
        connection.write(format!(
            "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-encoding: {coding}\r\n\
             transfer-encoding: chunked\r\n\r\n{:x}\r\n",
            first.len()
        ));
        connection.write(first);
        let answer = connection.read().with_status(413);
        assert_eq!(answer["code"], "body_too_large", "{coding}");
        let grown = peak(&service).zip(before).map(|(peak, before)| peak - before);
        println!("{coding}: {grown:?} bytes");
        // Twice the body, the window, and some slack.
        assert!(grown.is_none_or(|grown| grown < 32 << 20), "{coding}: {grown:?}");
    }
}

#[test]
fn a_whole_bomb_is_refused_too() {
    for (coding, bomb) in [("gzip", gzip_bomb()), ("zstd", zstd_bomb(23))] {
        let headers = [("content-type", "image/png"), ("content-encoding", coding)];
        let reply = limited().send("POST", "/embed", &headers, &bomb[..900_000.min(bomb.len())]);
        assert_eq!(reply.with_status(413)["code"], "body_too_large", "{coding}");
    }
    limited().embeds_as_ever();
}

#[test]
fn a_window_beyond_that_of_http_is_refused() {
    let text = b"x".repeat(100);
    for (log, is_taken) in
        [(10, true), (23, true), (24, false), (27, false), (31, false), (41, false)]
    {
        // One block as it is, the last.
        let mut body = zstd_head(log);
        body.extend_from_slice(&((text.len() as u32) << 3 | 1).to_le_bytes()[..3]);
        body.write_all(&text).unwrap();
        let headers = [("content-type", "image/png"), ("content-encoding", "zstd")];
        let reply = limited().send("POST", "/embed", &headers, &body);
        let code = if is_taken { "unknown_image_format" } else { "invalid_encoding" };
        assert_eq!(reply.with_status(400)["code"], code, "2^{log}: {}", reply.text());
    }
}

#[test]
fn what_expands_to_nothing_is_empty_however_long_it_is() {
    let nothing = gzip(b"").repeat(40_000);
    let headers = [("content-type", "image/png"), ("content-encoding", "gzip")];
    let reply = limited().send("POST", "/embed", &headers, &nothing);
    assert_eq!(reply.with_status(400)["code"], "no_images");
}
