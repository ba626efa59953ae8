//! What is too large is refused as early as it is known, and its client gets to read why.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::service::{CAT, Reply, Service, SilentHub, base64, form, limited, shared};

const MIB: usize = 1 << 20;

#[track_caller]
fn assert_too_large(reply: &Reply) {
    let answer = reply.with_status(413);
    assert_eq!(answer["code"], "body_too_large");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("1048576 bytes (--max-body-bytes)"), "{detail}");
}

#[test]
fn too_many_images_are_refused() {
    let images = vec![base64(&CAT); 5];
    let answer = limited().post_json("/embed/base64", &json!({"images": images})).with_status(413);
    assert_eq!(answer["code"], "too_many_images");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("5 images") && detail.contains("4 (--max-images)"), "{detail}");

    let (content_type, body) = form(&[("files", Some("a"), &**CAT); 5]);
    let reply = limited().post("/embed/batch", &content_type, &body);
    assert_eq!(reply.with_status(413), answer);

    assert_eq!(
        limited().post_json("/embed", &json!({"images": images[1..]})).embeddings().len(),
        4
    );
}

#[test]
fn the_limit_of_pixels_is_the_operators() {
    let reply = limited().post("/embed", "image/jpeg", &crate::service::photo("coffee-12mp.jpg"));
    // Too large a body is found first.
    assert_too_large(&reply);
    let mut bmp =
        b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xE9\x03\0\0\xE8\x03\0\0\x01\0\x18\0".to_vec();
    bmp.extend([0; 24]);
    let answer = limited().post("/embed", "image/bmp", &bmp).with_status(400);
    assert_eq!(answer["code"], "too_many_pixels");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains("1001 x 1000 = 1001000") && detail.contains("1000000 ("), "{detail}");
}

#[test]
fn a_body_is_refused_by_its_length_before_it_is_read() {
    let (multipart, _) = form(&[]);
    for (path, content_type) in [
        ("/embed/base64", "application/json"),
        ("/embed", "image/jpeg"),
        ("/embed/batch", &*multipart),
    ] {
        for expect in ["", "expect: 100-continue\r\n"] {
            let mut connection = limited().connect();
            connection.write(format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n\
                 content-length: 10000000000\r\n{expect}\r\n"
            ));
            // Not a byte of it was sent, and none is asked for.
            let reply = connection.read();
            assert_too_large(&reply);
            assert!(reply.text().contains("10000000000 bytes"), "{}", reply.text());
        }
    }
}

#[test]
fn a_body_that_does_not_tell_its_length_is_refused_when_it_is_too_large() {
    let (multipart, open) = open_form();
    for (path, content_type, begin) in [
        ("/embed/base64", "application/json", &b"{\"images\": [\""[..]),
        ("/embed", "image/jpeg", &b"\xFF\xD8\xFF"[..]),
        ("/embed/batch", &*multipart, &open),
    ] {
        let mut connection = limited().connect();
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ));
        connection.write(format!("{:x}\r\n", begin.len()));
        connection.write(begin);
        connection.write("\r\n");
        // A client that writes all of it before it reads must get the answer all the same.
        for _ in 0..20 {
            connection.write(format!("{MIB:x}\r\n"));
            connection.write(vec![b'A'; MIB]);
            connection.write("\r\n");
        }
        connection.write("0\r\n\r\n");
        assert_too_large(&connection.read());
    }
    limited().embeds_as_ever();
}

/// A form of one file that is not closed, and its content type.
fn open_form() -> (String, Vec<u8>) {
    let (content_type, mut form) = form(&[("files", Some("a"), b"")]);
    let end = form.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    form.truncate(end);
    (content_type, form)
}

/// The answer to `path` of a client that writes a large body whole before it reads.
fn after_writing(service: &Service, path: &str, content_type: &str) -> Reply {
    let length = 20 * MIB;
    let mut connection = service.connect();
    connection.write(format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {content_type}\r\n\
         content-length: {length}\r\n\r\n"
    ));
    connection.write(vec![b' '; length]);
    let reply = connection.read();
    // The connection goes on, as if the body had been read.
    connection.write("GET /gpu-info HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(connection.read().status, 200);
    reply
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_writing() {
    for (path, content_type, status) in [
        ("/embed/base64", "application/json", 413),
        ("/nothing", "application/json", 404),
        ("/health", "application/json", 405),
        ("/embed", "application/pdf", 415),
        ("/embed?on_error=no", "application/json", 422),
        ("/embed/batch", "multipart/form-data; boundary=a", 413),
    ] {
        let reply = after_writing(limited(), path, content_type);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    let hub = SilentHub::new();
    let reply = after_writing(&Service::starting(&hub), "/embed", "application/json");
    assert_eq!(reply.with_status(503)["code"], "no_model");
}

#[test]
fn a_client_that_breaks_off_leaves_nothing_behind() {
    let mut connection = shared().connect();
    connection.begin("/embed/base64", "application/json", MIB);
    connection.write(vec![b' '; MIB / 2]);
    drop(connection);
    shared().embeds_as_ever();
}

#[test]
fn headers_without_end_are_refused() {
    let start = Instant::now();
    let mut connection = shared().connect();
    connection.write("GET /health HTTP/1.1\r\nhost: a\r\n");
    for i in 0..200 {
        connection.write(format!("x-{i}: y\r\n"));
    }
    connection.write("\r\n");
    assert_eq!(connection.read().status, 431);
    assert!(start.elapsed() < Duration::from_secs(5));
    shared().embeds_as_ever();
}
