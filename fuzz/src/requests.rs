//! Promises of what reads requests: JSON is taken where serde_json and FastAPI's rules take it,
//! and base64 gives what CPython's `base64.b64decode` gives.

use bytes::Bytes;
use serde_json::Value;

use crate::upload::{Photo, base64, json};

/// Photos that are kept, and one more.
const MOST: usize = 3;

/// Panics where `json::parse` is wrong about `body`.
pub fn check_json(body: &[u8]) {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let found = json::parse(&Bytes::copy_from_slice(body), MOST);
    let value: Result<Value, _> = serde_json::from_slice(body);
    match (found, value) {
        (Ok(upload), Ok(value)) => {
            let images = images(&value).expect("a body that was taken has images");
            assert_eq!(upload.count, images.len());
            assert_eq!(upload.photos.len(), images.len().min(MOST + 1));
            for (photo, image) in upload.photos.iter().zip(images) {
                assert!(matches!(photo, Photo::Base64(text) if text == image.as_bytes()));
            }
            assert!(wishes_are_valid(&value));
        }
        (Ok(_), Err(error)) => {
            // What is skipped may be deeper, or a larger number, than serde_json's values can be.
            let error = error.to_string();
            let deep = error.starts_with("recursion limit exceeded");
            assert!(deep || error.starts_with("number out of range"), "{error}");
        }
        (Err(errors), Ok(value)) => {
            assert!(!errors.is_empty());
            assert!(images(&value).is_none() || !wishes_are_valid(&value), "{errors:?}");
        }
        (Err(errors), Err(_)) => assert!(!errors.is_empty()),
    }
}

/// The texts of a list `images` of texts.
fn images(body: &Value) -> Option<Vec<&str>> {
    body.as_object()?.get("images")?.as_array()?.iter().map(Value::as_str).collect()
}

fn wishes_are_valid(body: &Value) -> bool {
    let is_text = |name| matches!(body.get(name), None | Some(Value::Null | Value::String(_)));
    is_text("model_name")
        && is_text("pretrained")
        && match body.get("on_error") {
            None | Some(Value::Null) => true,
            Some(text) => text == "fail" || text == "skip",
        }
}

/// Panics where `base64::decode` differs from CPython.
pub fn check_base64(text: &[u8]) {
    let is_uri = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"data:"));
    let comma = text.iter().position(|&byte| byte == b',');
    let data = if is_uri { comma.map(|at| &text[at + 1..]) } else { Some(text) };
    let expected = data.and_then(a2b_base64);
    assert_eq!(base64::decode(text).ok(), expected.filter(|bytes| !bytes.is_empty()));
}

/// CPython's `binascii.a2b_base64` in its lenient mode, one character at a time.
fn a2b_base64(text: &[u8]) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut place, mut left, mut pads) = (Vec::new(), 0, 0u8, 0);
    for character in text {
        if *character == b'=' {
            pads += 1;
            if place >= 2 && place + pads >= 4 {
                return Some(bytes);
            }
            continue;
        }
        let Some(value) = ALPHABET.iter().position(|c| c == character) else { continue };
        let value = value as u8;
        match place {
            0 => {}
            1 => bytes.push(left << 2 | value >> 4),
            2 => bytes.push(left << 4 | value >> 2),
            _ => bytes.push(left << 6 | value),
        }
        (left, pads) = (value, 0);
        place = (place + 1) % 4;
    }
    (place == 0).then_some(bytes)
}
