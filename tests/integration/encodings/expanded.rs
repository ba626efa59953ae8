//! Requests whose body is compressed are as good as those whose body is not, and broken ones are told so.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::json;

use super::{gzip, zstd};
use crate::{
    connections::http2,
    service::{CAT, Reply, Service, assert_near, base64, form, limited, shared},
};

const JSON: &str = "application/json";

/// The answer to a body in `coding` that is JSON, or is to be taken for it.
fn post(coding: &str, body: &[u8]) -> Reply {
    let headers = [("content-type", JSON), ("content-encoding", coding)];
    limited().send("POST", "/embed", &headers, body)
}

/// A request with one photo.
fn request() -> Vec<u8> {
    json!({"images": [base64(&CAT)]}).to_string().into_bytes()
}

/// The same with random text in a field that is skipped, which makes it so large.
fn request_of(bytes: usize) -> Vec<u8> {
    let mut seed = 1u32;
    let mut letter = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + (seed >> 24) as u8 % 26)
    };
    let body = |text: &str| json!({"images": [base64(&CAT)], "x": text}).to_string();
    let text: String = (0..bytes - body("").len()).map(|_| letter()).collect();
    body(&text).into_bytes()
}

#[track_caller]
fn assert_invalid(coding: &str, body: &[u8], reason: &str) {
    let reply = post(coding, body);
    let answer = reply.with_status(400);
    assert_eq!(answer["code"], "invalid_encoding");
    let detail = answer["detail"].as_str().unwrap();
    assert!(detail.contains(reason) && detail.contains("Content-Encoding"), "{detail}");
}

#[test]
fn every_kind_of_body_may_be_compressed() {
    let expected = limited().post("/embed", "image/png", &CAT).embeddings().remove(0);
    let (form_type, form) = form(&[("files", Some("a"), &CAT)]);
    for (path, content_type, body) in [
        ("/embed/base64", JSON, &request()[..]),
        ("/embed/batch", &form_type, &form),
        ("/embed", "image/png", &CAT),
        ("/embed", &form_type, &form),
    ] {
        for (coding, body) in [
            ("gzip", gzip(body)),
            ("x-gzip", gzip(body)),
            ("GZip", gzip(body)),
            ("identity, gzip", gzip(body)),
            ("zstd", zstd(body)),
            (" ZSTD ,", zstd(body)),
            ("identity", body.to_vec()),
            ("", body.to_vec()),
        ] {
            let headers = [("content-type", content_type), ("content-encoding", coding)];
            let reply = limited().send("POST", path, &headers, &body);
            assert_near(&reply.embeddings()[0], &expected);
        }
    }
}

#[test]
fn a_body_may_consist_of_several_parts() {
    let body = request();
    let parts = || body.chunks(body.len() / 3);
    assert_eq!(post("gzip", &parts().flat_map(gzip).collect::<Vec<_>>()).embeddings().len(), 1);
    assert_eq!(post("zstd", &parts().flat_map(zstd).collect::<Vec<_>>()).embeddings().len(), 1);
    // Between frames there may be some that are skipped (RFC 8878, section 3.1.2), and empty parts.
    let skipped = [b"\x5A\x2A\x4D\x18\x03\0\0\0abc", &zstd(b"")[..]].concat();
    let between = parts().flat_map(|part| [zstd(part), skipped.clone()].concat());
    assert_eq!(post("zstd", &between.collect::<Vec<_>>()).embeddings().len(), 1);
    let between = parts().flat_map(|part| [gzip(b""), gzip(part)].concat());
    assert_eq!(post("gzip", &between.collect::<Vec<_>>()).embeddings().len(), 1);
}

#[test]
fn a_body_may_come_in_pieces_of_any_length() {
    for (coding, body) in [("gzip", gzip(&request())), ("zstd", zstd(&request()))] {
        for length in [1, 7, 1000, 10_000] {
            let mut connection = shared().connect();
            connection.write(format!(
                "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: {JSON}\r\n\
                 content-encoding: {coding}\r\ntransfer-encoding: chunked\r\n\r\n"
            ));
            // The first 200 pieces one by one, the rest at once.
            let (begin, rest) = body.split_at(body.len().min(200 * length));
            for piece in begin.chunks(length).chain([rest]).filter(|piece| !piece.is_empty()) {
                let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                connection.write(chunk);
            }
            connection.write("0\r\n\r\n");
            assert_eq!(connection.read().embeddings().len(), 1, "{coding} by {length}");
        }
    }
}

#[test]
fn the_limit_is_that_of_what_comes_out() {
    const LIMIT: usize = 1 << 20;
    for compress in [gzip, zstd] {
        let coding = if compress(b"")[0] == 0x1F { "gzip" } else { "zstd" };
        assert_eq!(post(coding, &compress(&request_of(LIMIT))).embeddings().len(), 1);
        let answer = post(coding, &compress(&request_of(LIMIT + 1))).with_status(413);
        assert_eq!(answer["code"], "body_too_large");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains("1048576 bytes (--max-body-bytes)"), "{detail}");
        assert!(detail.contains("expanded"), "{detail}");
    }
    // What is announced is refused before it comes, though nobody knows what it would become.
    let mut connection = limited().connect();
    connection.write(format!(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        LIMIT + 1
    ));
    assert_eq!(connection.read().with_status(413)["code"], "body_too_large");
}

#[test]
fn what_ends_too_early_is_told_so() {
    for (coding, body) in [("gzip", gzip(&request())), ("zstd", zstd(&request()))] {
        for length in [0, 1, 5, 10, 20, body.len() / 2, body.len() - 5, body.len() - 1] {
            assert_invalid(coding, &body[..length], "ends too early");
        }
        // The first part is whole.
        let parts = [&body[..], &body[..body.len() / 2]].concat();
        assert_invalid(coding, &parts, "ends too early");
    }
}

#[test]
fn what_is_damaged_is_told_so() {
    for (coding, body) in [("gzip", gzip(&request())), ("zstd", zstd(&request()))] {
        for trailing in [&b"x"[..], b"{}", b"more of it", &[0; 100]] {
            let body = [&body, trailing].concat();
            let answer = post(coding, &body).with_status(400);
            assert_eq!(answer["code"], "invalid_encoding", "{coding} {trailing:?}");
        }
        assert_invalid(coding, &request(), &format!("no {coding} data"));
        assert_invalid(coding, &CAT, &format!("no {coding} data"));
    }
    let mut damaged = gzip(&request());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0x55);
    assert_invalid("gzip", &damaged, "no gzip data");
    // What zstd has no checksum of may be damaged without being noticed; not so its blocks' heads.
    let mut damaged = zstd(&request());
    damaged[6..10].fill(0xFF);
    assert_invalid("zstd", &damaged, "no zstd data");
    let mut wrong_sum = gzip(&request());
    let sum = wrong_sum.len() - 8;
    wrong_sum[sum] ^= 1;
    assert_invalid("gzip", &wrong_sum, "CRC");
    let mut wrong_length = gzip(&request());
    *wrong_length.last_mut().unwrap() ^= 1;
    assert_invalid("gzip", &wrong_length, "no gzip data");
    assert_invalid("zstd", &gzip(&request()), "no zstd data");
    assert_invalid("gzip", &zstd(&request()), "no gzip data");
    limited().embeds_as_ever();
}

#[test]
fn other_encodings_are_refused_and_told_which_are_taken() {
    for coding in
        ["br", "deflate", "compress", "gzip, gzip", "gzip, br", "zstd,gzip", "no such", "*"]
    {
        let reply = post(coding, &gzip(&request()));
        assert_eq!(reply.header("accept-encoding"), Some("gzip, zstd"), "{coding}");
        let answer = reply.with_status(415);
        assert_eq!(answer["code"], "unsupported_encoding", "{coding}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(coding) && detail.contains("gzip, zstd"), "{detail}");
    }
    let reply = post(&"x".repeat(10_000), b"");
    assert_eq!(reply.with_status(415)["code"], "unsupported_encoding");
    assert!(reply.body.len() < 1000);
    // It is refused before a body is asked for, and the connection goes on.
    let mut connection = shared().connect();
    connection.write(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-encoding: br\r\ncontent-length: 9\r\n\
         expect: 100-continue\r\n\r\n",
    );
    assert_eq!(connection.read().status, 415);
}

#[test]
fn a_body_that_stops_coming_is_too_slow_however_much_it_became() {
    let service = Service::tiny(&["--body-timeout", "1s"]);
    let body = gzip(&vec![b' '; 50 << 20]);
    let mut connection = service.connect();
    connection.write(format!(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    connection.write(&body[..body.len() - 1]);
    assert_eq!(connection.read().with_status(408)["code"], "body_timeout");
}

#[test]
fn a_client_that_breaks_off_leaves_nothing_behind() {
    for (coding, body) in [("gzip", gzip(&request())), ("zstd", zstd(&request()))] {
        let mut connection = shared().connect();
        connection.write(format!(
            "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-encoding: {coding}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        ));
        connection.write(&body[..body.len() / 2]);
        drop(connection);
    }
    shared().embeds_as_ever();
}

#[tokio::test]
async fn http2_takes_them_too() {
    let (mut client, _) = http2(shared()).await;
    for (coding, body) in [("gzip", gzip(&request())), ("zstd", zstd(&request()))] {
        let request = Request::post(format!("http://{}/embed", shared().api))
            .header("content-type", JSON)
            .header("content-encoding", coding)
            .body(Full::new(body.into()))
            .unwrap();
        client.ready().await.unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
}
