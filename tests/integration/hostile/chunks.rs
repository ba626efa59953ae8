//! Bodies in chunks (RFC 9112, section 7.1) that are tiny, or whose lengths are none: whoever sends
//! them gets an answer, and the service stays as it was.

use serde_json::json;

use crate::service::{CAT, base64, shared};

const HEAD: &str = "POST /embed/base64 HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                    transfer-encoding: chunked\r\n";

/// The status of the answer to a head and a body as they are.
fn status(head: &str, body: impl AsRef<[u8]>) -> u16 {
    let mut connection = shared().connect();
    connection.write(format!("{HEAD}{head}\r\n"));
    connection.write(body);
    connection.read().status
}

/// `body` in chunks of `length` bytes, each with an extension.
fn chunked(body: &str, length: usize, extension: &str) -> String {
    let chunk = |part: &[u8]| {
        format!("{:x}{extension}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part))
    };
    body.as_bytes().chunks(length).map(chunk).collect::<String>() + "0\r\n\r\n"
}

#[test]
fn a_body_in_chunks_of_one_byte_is_read() {
    let body = json!({ "images": [base64(&CAT)] }).to_string();
    assert_eq!(status("", chunked(&body[..], 1, "")), 200);
    assert_eq!(status("", chunked(&body[..], 4096, ";a=b")), 200);
    shared().embeds_as_ever();
}

#[test]
fn chunks_that_are_none_are_the_clients_mistake() {
    for body in [
        "zz\r\nab\r\n0\r\n\r\n",
        "-1\r\nab\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nab\r\n0\r\n\r\n",
        "2\r\nabcdef\r\n0\r\n\r\n",
        "2 ; \r\r\nab\r\n",
    ] {
        assert_eq!(status("", body), 400, "{body:?}");
    }
    let endless = format!("2;{}\r\nab\r\n0\r\n\r\n", "a".repeat(1 << 20));
    assert_eq!(status("", endless), 400);
    shared().embeds_as_ever();
}

#[test]
fn a_body_with_two_lengths_is_refused_or_read_as_chunks() {
    let read = status("content-length: 5\r\n", "2\r\n{}\r\n0\r\n\r\n");
    assert!(matches!(read, 400 | 422), "{read}");
    shared().embeds_as_ever();
}
