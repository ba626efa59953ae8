//! With `on_error=skip` a photo that fails leaves `null` in its place and an entry in `errors`.

use serde_json::{Value, json};

use crate::service::{CAT, Reply, assert_near, base64, form, shared};

fn mixed() -> [String; 4] {
    ["bad".to_owned(), base64(&CAT), base64(b"no photo"), base64(&CAT)]
}

/// The answer to [`mixed`]: two embeddings between two failures.
#[track_caller]
fn assert_skipped(reply: &Reply, codes: [&str; 2]) {
    let answer = reply.with_status(200);
    assert_eq!(answer["count"], 4);
    assert_eq!(answer["model_info"]["model_name"], "ViT-B-32");
    let embeddings: Vec<Option<Vec<f32>>> =
        serde_json::from_value(answer["embeddings"].clone()).unwrap();
    let present: Vec<_> = embeddings.iter().map(Option::is_some).collect();
    assert_eq!(present, [false, true, false, true]);
    assert_near(embeddings[1].as_ref().unwrap(), embeddings[3].as_ref().unwrap());
    for (error, (index, code)) in errors(&answer).iter().zip([0, 2].into_iter().zip(codes)) {
        assert_eq!((&error["index"], &error["code"]), (&json!(index), &json!(code)), "{error}");
        assert!(!error["detail"].as_str().unwrap().is_empty());
        assert_eq!(error.as_object().unwrap().len(), 3);
    }
    assert_eq!(errors(&answer).len(), 2);
}

fn errors(answer: &Value) -> &Vec<Value> {
    answer["errors"].as_array().unwrap()
}

#[test]
fn failures_are_null_in_place_and_listed() {
    let codes = ["invalid_base64", "unknown_image_format"];
    let body = json!({"images": mixed(), "on_error": "skip"});
    for path in ["/embed", "/embed/base64"] {
        assert_skipped(&shared().post_json(path, &body), codes);
    }
    let body = json!({"images": mixed()});
    assert_skipped(&shared().post_json("/embed/base64?on_error=skip", &body), codes);
}

#[test]
fn forms_skip_by_field_or_query() {
    let codes = ["empty_image", "unknown_image_format"];
    let cat = ("files", Some("a"), &**CAT);
    let files = [("files", Some("b"), &b""[..]), cat, ("files", Some("c"), b"no photo"), cat];
    let (content_type, body) = form(&files);
    assert_skipped(&shared().post("/embed/batch?on_error=skip", &content_type, &body), codes);
    let (content_type, body) = form(&[&files[..], &[("on_error", None, b"skip")]].concat());
    assert_skipped(&shared().post("/embed/batch", &content_type, &body), codes);
}

#[test]
fn the_bodys_wish_comes_before_the_querys() {
    let body = json!({"images": mixed(), "on_error": "fail"});
    let reply = shared().post_json("/embed?on_error=skip", &body);
    assert_eq!(reply.with_status(400)["index"], 0);
}

#[test]
fn all_may_fail() {
    let body = json!({"images": ["", "AAAA"], "on_error": "skip"});
    let answer = shared().post_json("/embed", &body).with_status(200);
    assert_eq!(answer["embeddings"], json!([null, null]));
    assert_eq!((&answer["count"], errors(&answer).len()), (&json!(2), 2));
    let answer = shared().post("/embed?on_error=skip", "image/png", b"no photo").with_status(200);
    assert_eq!(answer["embeddings"], json!([null]));
}

#[test]
fn none_may_fail() {
    let body = json!({"images": [base64(&CAT)], "on_error": "skip"});
    let answer = shared().post_json("/embed", &body).with_status(200);
    assert_eq!((&answer["errors"], &answer["count"]), (&json!([]), &json!(1)));
    // Without the wish the answer is the original's.
    for on_error in [json!("fail"), json!(null)] {
        let body = json!({"images": [base64(&CAT)], "on_error": on_error});
        let answer = shared().post_json("/embed", &body).with_status(200);
        assert_eq!(answer.get("errors"), None);
    }
}

#[test]
fn no_photos_are_an_error_all_the_same() {
    let body = json!({"images": [], "on_error": "skip"});
    assert_eq!(shared().post_json("/embed", &body).with_status(400)["code"], "no_images");
}
