//! Bodies that no photo comes from: forms of a million parts, JSON without end, text that is
//! compressed.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::Bomb;
use crate::service::{CAT, base64};

fn bomb(
    name: &'static str,
    refusal: (u16, &'static str),
    (path, content_type): (&'static str, &str),
    body: Vec<u8>,
) -> Bomb {
    let content_type = content_type.to_owned();
    Bomb { name, path, content_type, headers: Vec::new(), body, refusal: Some(refusal) }
}

fn json(name: &'static str, refusal: (u16, &'static str), body: impl Into<Vec<u8>>) -> Bomb {
    bomb(name, refusal, ("/embed/base64", "application/json"), body.into())
}

fn form(name: &'static str, refusal: (u16, &'static str), body: impl Into<Vec<u8>>) -> Bomb {
    let content_type = "multipart/form-data; boundary=b";
    bomb(name, refusal, ("/embed/batch", content_type), body.into())
}

/// A form of one part many times.
fn parts(head: &str, content: &str, times: usize) -> Vec<u8> {
    let part = format!("--b\r\ncontent-disposition: form-data; {head}\r\n\r\n{content}\r\n");
    [part.repeat(times).as_bytes(), b"--b--\r\n"].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn all() -> Vec<Bomb> {
    const INVALID: (u16, &str) = (422, "invalid_request");
    const NO_JSON: (u16, &str) = (422, "invalid_json");
    const NO_FORM: (u16, &str) = (400, "invalid_multipart");
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let long = "a".repeat(8 << 20);
    let spaces = " ".repeat(8 << 20);
    let mut compressed =
        json("json: gzip of 10 MiB of spaces", INVALID, gzip(&vec![b' '; 10 << 20]));
    compressed.headers.push(("content-encoding", "gzip"));
    let cat = base64(&CAT);
    let mut read = json("json: 8 MiB of spaces around a photo", NO_JSON, {
        format!("{spaces}{{\"images\":[\"{cat}\"]}}")
    });
    read.refusal = None;
    vec![
        json("json: 100,000 lists in one another", INVALID, format!("{open}{close}")),
        json("json: the same in the place of a photo", INVALID, {
            format!("{{\"images\":[{open}{close}]}}")
        }),
        json("json: lists that never end", NO_JSON, "[".repeat(8 << 20)),
        json("json: objects that never end", NO_JSON, r#"{"a":"#.repeat(2 << 20)),
        json(
            "json: 1 million fields",
            INVALID,
            format!("{{{}\"b\":0}}", r#""a":0,"#.repeat(1_000_000)),
        ),
        json("json: a key of 8 MiB", INVALID, format!("{{\"{long}\":0}}")),
        json("json: a number of 8 MiB", INVALID, format!("{{\"a\":{}}}", "1".repeat(8 << 20))),
        json("json: 1 million photos", (413, "too_many_images"), {
            format!("{{\"images\":[{}\"\"]}}", r#""","#.repeat(1_000_000))
        }),
        json("json: 4 million numbers for photos", INVALID, {
            format!("{{\"images\":[{}0]}}", "0,".repeat(4_000_000))
        }),
        json("json: 8 MiB of padding", (400, "invalid_base64"), {
            format!("{{\"images\":[\"{}\"]}}", "=".repeat(8 << 20))
        }),
        json("json: 8 MiB of foreign characters", (400, "invalid_base64"), {
            format!("{{\"images\":[\"{}\"]}}", "*".repeat(8 << 20))
        }),
        json("json: 1 million escapes", (400, "invalid_base64"), {
            format!("{{\"images\":[\"{}\"]}}", r"\u003d".repeat(1 << 20))
        }),
        json("json: a data URI of 8 MiB without a comma", (400, "invalid_base64"), {
            format!("{{\"images\":[\"data:{long}\"]}}")
        }),
        json("json: no UTF-8", NO_JSON, vec![0xFF; 8 << 20]),
        read,
        compressed,
        form(
            "form: 1 million parts",
            (400, "no_files"),
            "--b\r\n\r\n\r\n".repeat(1_000_000) + "--b--\r\n",
        ),
        form("form: 250,000 empty files", (413, "too_many_images"), {
            parts("name=\"files\"", "", 250_000)
        }),
        form("form: a text of 8 MiB", NO_FORM, parts("name=\"model_name\"", &long, 1)),
        form("form: 8 MiB before the first part", (400, "no_files"), {
            [long.as_bytes(), b"\r\n--b--\r\n"].concat()
        }),
        form("form: headers of 8 MiB", NO_FORM, {
            format!("--b\r\n{}\r\n--b--\r\n", "a: b\r\n".repeat(1_400_000))
        }),
        form(
            "form: one header of 8 MiB",
            (400, "no_files"),
            format!("--b\r\na: {long}\r\n\r\n\r\n--b--\r\n"),
        ),
        form("form: a name of 8 MiB", (400, "no_files"), parts(&format!("name=\"{long}\""), "", 1)),
        form("form: nothing but dashes", NO_FORM, "-".repeat(8 << 20)),
        form("form: no end", NO_FORM, parts("name=\"files\"", &long, 1)[..8 << 20].to_vec()),
    ]
}
