//! Bodies that are made to hurt are answered in little time and few bytes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::service::{CAT, Reply, base64, shared};

/// The answer to a hostile body: soon, and short.
fn answer(body: &[u8]) -> Reply {
    let start = Instant::now();
    let reply = shared().post("/embed/base64", "application/json", body);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(reply.body.len() < 20_000, "{} bytes", reply.body.len());
    reply
}

fn embedded(text: &str) -> String {
    text.replace("CAT", &base64(&CAT))
}

#[test]
fn nesting_without_end_is_no_danger() {
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    // In a field that nobody reads it is skipped like any other.
    for nest in [format!("{open}{close}"), "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000)] {
        let body = embedded(&format!(r#"{{"deep": {nest}, "images": ["CAT"]}}"#));
        assert_eq!(answer(body.as_bytes()).embeddings().len(), 1);
    }
    for (body, kind) in [
        (format!("{open}{close}"), "model_attributes_type"),
        (open.clone(), "json_invalid"),
        (format!(r#"{{"images": {open}{close}}}"#), "string_type"),
        (format!(r#"{{"images": [], "on_error": {open}{close}}}"#), "string_type"),
        (format!(r#"{{"deep": {open}"#), "json_invalid"),
    ] {
        let answer = answer(body.as_bytes()).with_status(422);
        assert_eq!(answer["detail"][0]["type"], kind);
    }
    // Small enough for its errors to echo it, deeper than they can.
    let body = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    assert_eq!(answer(body.as_bytes()).with_status(422)["detail"][0]["input"], Value::Null);
    shared().embeds_as_ever();
}

#[test]
fn millions_of_wrong_elements_get_a_short_answer() {
    let body = format!(r#"{{"images": [{}0]}}"#, "0,".repeat(2_500_000));
    let answer = answer(body.as_bytes()).with_status(422);
    let errors = answer["detail"].as_array().unwrap();
    assert_eq!(errors[15]["loc"], json!(["body", "images", 15]));
    assert_eq!(errors.len(), 16);
    shared().embeds_as_ever();
}

#[test]
fn millions_of_images_are_counted_not_kept() {
    let body = format!(r#"{{"images": [{}""]}}"#, r#""","#.repeat(1_700_000));
    let answer = answer(body.as_bytes()).with_status(413);
    assert_eq!(answer["code"], "too_many_images");
    assert!(answer["detail"].as_str().unwrap().contains("1700001 images"));
    shared().embeds_as_ever();
}

#[test]
fn millions_of_fields_are_skipped() {
    let body = format!("{{{}{}}}", r#""a":0,"#.repeat(1_000_000), embedded(r#""images": ["CAT"]"#));
    assert_eq!(answer(body.as_bytes()).embeddings().len(), 1);
    shared().embeds_as_ever();
}

#[test]
fn the_last_of_equal_keys_counts_as_in_python() {
    let body = embedded(r#"{"images": 5, "on_error": 1, "images": ["CAT"], "on_error": null}"#);
    assert_eq!(answer(body.as_bytes()).embeddings().len(), 1);
    let body = embedded(r#"{"images": ["CAT"], "images": []}"#);
    assert_eq!(answer(body.as_bytes()).with_status(400)["code"], "no_images");
    shared().embeds_as_ever();
}

#[test]
fn text_that_is_no_utf8_is_no_json() {
    for body in [
        &b"{\"images\": [\"\xC3\x28\"]}"[..],
        b"\xFF\xFE{\0}\0",
        b"{\"\xFF\": 1}",
        b"\0",
        b"{\"images\": [], \"a\": \"\xFF\"}",
    ] {
        assert_eq!(answer(body).with_status(422)["code"], "invalid_json");
    }
    shared().embeds_as_ever();
}

#[test]
fn escapes_within_base64_are_read() {
    let escaped = base64(&CAT).replace('/', "\\/").replace('A', "\\u0041");
    let body = format!(r#"{{"images": ["{escaped}"]}}"#);
    assert_eq!(answer(body.as_bytes()).embeddings().len(), 1);
}
