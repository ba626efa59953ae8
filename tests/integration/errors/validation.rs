//! A body or query of the wrong form gets FastAPI's list: 422 and `{"detail": [...]}`.

use serde_json::{Value, json};

use crate::service::{CAT, base64, form, shared};

const STRING: &str = "Input should be a valid string";

/// The list of errors that `body` gets.
#[track_caller]
fn refused(body: &[u8], code: &str) -> Value {
    let reply = shared().post("/embed/base64", "application/json", body);
    let answer = reply.with_status(422);
    assert_eq!(answer["code"], code, "{answer}");
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    let alias = shared().post("/embed", "application/json", body);
    assert_eq!(alias.with_status(422), answer, "/embed says the same");
    answer["detail"].clone()
}

fn error(kind: &str, loc: Value, msg: &str, input: Value) -> Value {
    json!({"type": kind, "loc": loc, "msg": msg, "input": input})
}

/// Positions are those of CPython's `json.loads`.
#[test]
fn what_is_no_json_is_told_with_its_place() {
    for (body, place) in [
        (r#"{"images": oops}"#, 11),
        (r#"{"images": ["a""#, 15),
        ("{\"images\":\n [1,\n 2,]}", 19),
        (r#"{"images": ["a"]} x"#, 18),
        (r#"{"images" ["a"]}"#, 10),
        ("{'images': []}", 1),
        (r#"{"images": ["a"],}"#, 17),
        ("\n\n{\"images\": [],,}", 16),
        ("?", 0),
        ("[1,2", 4),
    ] {
        let errors = refused(body.as_bytes(), "invalid_json");
        assert_eq!(errors[0]["type"], "json_invalid", "{body}");
        assert_eq!(errors[0]["loc"], json!(["body", place]), "{body}: {errors}");
        assert_eq!(errors[0]["msg"], "JSON decode error");
        assert_eq!(errors[0]["input"], json!({}));
        assert!(errors[0]["ctx"]["error"].is_string(), "{errors}");
        assert_eq!(errors.as_array().unwrap().len(), 1);
    }
    refused(b"{\"images\": [\"\xFF\xFE\"]}", "invalid_json");
}

#[test]
fn an_empty_body_is_missing() {
    for body in ["", " \r\n\t"] {
        let expected = error("missing", json!(["body"]), "Field required", Value::Null);
        assert_eq!(refused(body.as_bytes(), "invalid_request"), json!([expected]));
    }
}

#[test]
fn a_body_that_is_no_object_is_told_so() {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    for body in [json!([1, "a"]), json!(4711), json!("text"), json!(null), json!(true), json!(1.5)]
    {
        let expected = error("model_attributes_type", json!(["body"]), msg, body.clone());
        assert_eq!(refused(body.to_string().as_bytes(), "invalid_request"), json!([expected]));
    }
}

#[test]
fn images_must_be_there_and_a_list() {
    let loc = json!(["body", "images"]);
    let body = json!({"mode": "remote"});
    let expected = error("missing", loc.clone(), "Field required", body.clone());
    assert_eq!(refused(body.to_string().as_bytes(), "invalid_request"), json!([expected]));
    for images in [json!(null), json!("text"), json!({"0": "a"}), json!(7), json!(false)] {
        let expected =
            error("list_type", loc.clone(), "Input should be a valid list", images.clone());
        let body = json!({"images": images}).to_string();
        assert_eq!(refused(body.as_bytes(), "invalid_request"), json!([expected]));
    }
}

#[test]
fn every_image_that_is_no_string_is_named() {
    let body = json!({"images": ["aGVsbG8=", 5, null, ["x"], {"a": 1}]}).to_string();
    let expected = [(1, json!(5)), (2, json!(null)), (3, json!(["x"])), (4, json!({"a": 1}))]
        .map(|(i, input)| error("string_type", json!(["body", "images", i]), STRING, input));
    assert_eq!(refused(body.as_bytes(), "invalid_request"), json!(expected));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let body = json!({"images": 1, "model_name": 2, "pretrained": [3], "on_error": {"a": 4}});
    let errors = refused(body.to_string().as_bytes(), "invalid_request");
    let expected = [
        ("list_type", "images", "Input should be a valid list"),
        ("string_type", "model_name", STRING),
        ("string_type", "pretrained", STRING),
        ("string_type", "on_error", STRING),
    ]
    .map(|(kind, field, msg)| error(kind, json!(["body", field]), msg, body[field].clone()));
    assert_eq!(errors, json!(expected));
}

#[test]
fn on_error_is_fail_or_skip_wherever_it_stands() {
    let msg = "Input should be 'fail' or 'skip'";
    let expected = |part: &str| {
        let mut error = error("enum", json!([part, "on_error"]), msg, json!("ignore"));
        error["ctx"] = json!({"expected": "'fail' or 'skip'"});
        json!([error])
    };
    let cat = base64(&CAT);

    // The echo of a large body would be a copy of it.
    let body = json!({"images": [], "on_error": "ignore"}).to_string();
    assert_eq!(refused(body.as_bytes(), "invalid_request"), expected("body"));

    let path = "/embed/base64?on_error=ignore";
    let reply = shared().post_json(path, &json!({"images": [cat]}));
    assert_eq!(reply.with_status(422)["detail"], expected("query"));

    let (content_type, body) = form(&[("on_error", None, b"ignore"), ("files", Some("a"), &CAT)]);
    let reply = shared().post("/embed/batch", &content_type, &body);
    assert_eq!(reply.with_status(422)["detail"], expected("body"));

    let reply = shared().post("/embed?on_error=%FF", "image/png", &CAT);
    assert_eq!(reply.with_status(422)["code"], "invalid_request");
}

#[test]
fn errors_of_a_large_body_do_not_echo_it() {
    let body = json!({"images": "x".repeat(100_000)}).to_string();
    let errors = refused(body.as_bytes(), "invalid_request");
    let expected =
        error("list_type", json!(["body", "images"]), "Input should be a valid list", Value::Null);
    assert_eq!(errors, json!([expected]));
}

#[test]
fn a_value_of_a_wrong_type_is_told_in_few_words_however_long_it_is() {
    let long = "x".repeat(1 << 20);
    for (path, body, status, field) in [
        ("/v1/embeddings", json!({ "input": "a", "dimensions": long }), 400, "dimensions"),
        (
            "/classify",
            json!({ "images": "a", "labels": "a", "logit_scale": long }),
            422,
            "logit_scale",
        ),
        ("/duplicates", json!({ "vectors": [[1]], "threshold": long }), 422, "threshold"),
        ("/duplicates", json!({ "vectors": [[1]], "on_error": long }), 422, "on_error"),
    ] {
        let reply = shared().post_json(path, &body);
        assert!(reply.body.len() < 1024, "{path}: {} bytes", reply.body.len());
        let error = reply.with_status(status).to_string();
        assert!(error.contains(field) && error.contains("at line 1"), "{path}: {error}");
    }
}
