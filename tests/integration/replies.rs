//! Answers as plain numbers and as NumPy's files, by `Accept`.

use crate::service::{CAT, Reply, form, shared};

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (fours, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    fours.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn post(accept: &str, query: &str, photos: &[&[u8]]) -> Reply {
    let fields: Vec<_> = photos.iter().map(|photo| ("files", Some("a.png"), *photo)).collect();
    let (content_type, body) = form(&fields);
    let headers = [("content-type", &*content_type), ("accept", accept)];
    let reply = shared().send("POST", &format!("/embed/batch{query}"), &headers, &body);
    assert_eq!(reply.status, 200, "{accept}");
    reply
}

#[test]
fn numbers_are_those_of_the_json() {
    let json = post("application/json", "", &[&CAT, &CAT]).embeddings().concat();
    let floats = post("application/octet-stream", "", &[&CAT, &CAT]);
    assert_eq!(floats.header("content-type"), Some("application/octet-stream"));
    assert_eq!(floats.header("x-embedding-shape"), Some("2,512"));
    assert_eq!(floats.header("x-embedding-dtype"), Some("float32"));
    assert!(floats.header("server-timing").is_some());
    let found = numbers(&floats.body);
    assert_eq!(found.len(), json.len());
    let worst = found.iter().zip(&json).map(|(a, b)| (a - b).abs()).fold(0., f32::max);
    assert!(worst <= 1e-6, "{worst}");
}

#[test]
fn a_numpy_file_has_its_head() {
    let npy = post("application/x-npy", "", &[&CAT]);
    assert_eq!(npy.header("content-type"), Some("application/x-npy"));
    assert_eq!(&npy.body[..8], b"\x93NUMPY\x01\x00");
    let length = usize::from(u16::from_le_bytes([npy.body[8], npy.body[9]]));
    let head = str::from_utf8(&npy.body[10..10 + length]).unwrap();
    assert!(head.contains("'descr': '<f4'") && head.contains("'shape': (1, 512)"), "{head}");
    assert_eq!(numbers(&npy.body[10 + length..]).len(), 512);
}

#[test]
fn a_photo_that_fails_is_a_row_without_numbers() {
    let floats = post("application/octet-stream", "?on_error=skip", &[&CAT, b"no photo", &CAT]);
    assert_eq!(floats.header("x-failed"), Some("1"));
    let rows = numbers(&floats.body);
    assert!(rows[512..1024].iter().all(|number| number.is_nan()));
    assert!(rows[..512].iter().chain(&rows[1024..]).all(|number| number.is_finite()));
}

#[test]
fn errors_and_other_wishes_are_json() {
    let headers = [("content-type", "image/png"), ("accept", "application/x-npy")];
    let error = shared().send("POST", "/embed", &headers, b"no photo").with_status(400);
    assert_eq!(error["code"], "unknown_image_format");
    post("text/html, */*", "", &[&CAT]).embeddings();
}
