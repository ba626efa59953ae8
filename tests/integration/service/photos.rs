//! Photos, the ways to wrap them for a request, and what their embeddings are compared by.

use std::{fmt::Write, path::Path, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};

/// A photo that needs neither a resize nor a lossy decoder.
pub static CAT: LazyLock<Vec<u8>> = LazyLock::new(|| photo("cat-224.png"));

/// A file of the reference images.
pub fn photo(name: &str) -> Vec<u8> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/images");
    std::fs::read(images.join(name)).unwrap()
}

pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A form of fields (name, file name, content) and its content type.
pub fn form(fields: &[(&str, Option<&str>, &[u8])]) -> (String, Vec<u8>) {
    let boundary = "a-boundary-that-no-photo-has";
    let mut body = Vec::new();
    for (name, file, content) in fields {
        let mut head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(file) = file {
            write!(head, "; filename=\"{file}\"\r\ncontent-type: image/jpeg").unwrap();
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// The same embedding, up to the order of sums in a batch.
#[track_caller]
pub fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-6, "off by {worst}");
}
