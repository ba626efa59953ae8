//! Bodies that ask for much, or for nonsense: refused at once, and the service stays as it was.

use serde_json::json;

use super::{SQUARE, bytes, elements, embeddings, error, head, infer, squares, tiny};

const INFER: &str = "/v2/models/clip_vit_b32/infer";

/// The service answers as ever.
#[track_caller]
fn answers() {
    let head = head("image", "FP32", &json!([1, 3, 16, 16]), SQUARE, false);
    assert_eq!(embeddings(&infer(tiny(), "clip_vit_b32", &head, &bytes(&squares(1)))).len(), 1);
}

#[test]
fn numbers_that_are_none_are_refused_where_they_stand() {
    for (place, number, told) in [
        (0, f32::NAN, "NaN at element 0"),
        (767, f32::INFINITY, "inf at element 767"),
        (5, 1e30, "element 5"),
    ] {
        let mut numbers = squares(2);
        numbers[SQUARE / 4 + place] = number;
        let head = head("image", "FP32", &json!([2, 3, 16, 16]), 2 * SQUARE, true);
        for model in ["clip_vit_b32", "openclip_vit_b32"] {
            let message = error(&infer(tiny(), model, &head, &bytes(&numbers)), 400);
            assert!(message.contains("image 1") && message.contains(told), "{message}");
        }
    }
    let data = format!("[{}1e999]", "0.5,".repeat(767));
    let body = format!(
        r#"{{"inputs":[{{"name":"image","datatype":"FP32","shape":[1,3,16,16],"data":{data}}}]}}"#
    );
    let message = error(&tiny().send("POST", INFER, &[], body.as_bytes()), 400);
    assert!(message.contains("inf at element 767"), "{message}");
    let body = body.replace("1e999", "NaN");
    error(&tiny().send("POST", INFER, &[], body.as_bytes()), 400);
    answers();
}

#[test]
fn nesting_and_long_lists_cost_nothing() {
    let tensor = |data: &str| {
        format!(
            r#"{{"inputs":[{{"name":"image","datatype":"FP32","shape":[1,3,16,16],"data":{data}}}]}}"#
        )
    };
    let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
    let bodies = [
        tensor(&deep),
        tensor(&"[".repeat(900_000)),
        tensor(&format!("[{}]", "[],".repeat(300_000).trim_end_matches(','))),
        format!(r#"{{"inputs":[{}]}}"#, "{},".repeat(300_000).trim_end_matches(',')),
        format!(
            r#"{{"inputs":[{{"name":"image","datatype":"FP32","shape":[{}1]}}]}}"#,
            "1,".repeat(400_000)
        ),
        format!(
            r#"{{"inputs":[],"outputs":[{}]}}"#,
            r#"{"name":""},"#.repeat(60_000).trim_end_matches(',')
        ),
        format!(r#"{{"inputs":{deep}}}"#),
        deep.clone(),
        "{".repeat(900_000),
        format!(r#"{{"id":"{}"}}"#, "a".repeat(900_000)),
    ];
    for body in bodies {
        let message = error(&tiny().send("POST", INFER, &[], body.as_bytes()), 400);
        assert!(message.len() < 500, "{message}");
    }
    answers();
}

#[test]
fn json_that_is_none_is_told() {
    for body in [
        "",
        " ",
        "[]",
        "1",
        "{",
        r#"{"inputs":1}"#,
        r#"{"inputs":[1]}"#,
        r#"{"inputs":null}"#,
        "{}",
    ] {
        let message = error(&tiny().send("POST", INFER, &[], body.as_bytes()), 400);
        assert!(message.starts_with("body"), "{body}: {message}");
    }
    error(&tiny().send("POST", INFER, &[], b"{\"inputs\":[],\"x\":\"\xff\"}"), 400);
    for model in ["clip_vit_b32", "clip_vit_b32_text"] {
        let path = format!("/v2/models/{model}/infer");
        let headers = [("inference-header-content-length", "0")];
        let message = error(&tiny().send("POST", &path, &headers, b""), 400);
        assert!(message.contains("is missing: the body is empty"), "{message}");
    }
}

#[test]
fn many_elements_of_nothing_are_refused() {
    // 260,000 empty texts, of which the shape announces as many.
    let raw = elements(&vec![&b""[..]; 250_000]);
    for (shape, status) in [(json!([250_000]), 413), (json!([8]), 400), (json!([8, 1]), 400)] {
        let head = head("image", "BYTES", &shape, raw.len(), true);
        error(&infer(tiny(), "clip_vit_b32_jpeg", &head, &raw), status);
    }
    let texts = format!("[{}\"\"]", "\"\",".repeat(300_000));
    let body = format!(
        r#"{{"inputs":[{{"name":"image","datatype":"BYTES","shape":[8],"data":{texts}}}]}}"#
    );
    let path = "/v2/models/clip_vit_b32_jpeg/infer";
    let message = error(&tiny().send("POST", path, &[], body.as_bytes()), 400);
    assert!(message.contains("more elements than the shape has"), "{message}");
    answers();
}

/// Numbers that take more bytes than their text are read as well, while there is memory for both.
#[test]
fn short_numbers_are_read() {
    let data = format!("[{}0]", "1,".repeat(8 * SQUARE / 4 - 1));
    let body = format!(
        r#"{{"inputs":[{{"name":"image","datatype":"FP32","shape":[8,3,16,16],"data":{data}}}]}}"#
    );
    assert_eq!(embeddings(&tiny().send("POST", INFER, &[], body.as_bytes())).len(), 8);
}
