//! Errors are `{"error": {"message", "type", "param", "code"}}`, with the statuses that SDKs know.

use serde_json::{Value, json};

use super::uri;
use crate::service::{CAT, Reply, Service, SilentHub, limited, shared};

const INVALID: &str = "invalid_request_error";

/// The error of an answer, whose keys are those of the protocol.
#[track_caller]
fn error(reply: &Reply, status: u16, kind: &str, code: &str) -> Value {
    let answer = reply.with_status(status);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer), ["error"], "{answer}");
    assert_eq!(keys(&answer["error"]), ["code", "message", "param", "type"], "{answer}");
    assert_eq!((&answer["error"]["type"], &answer["error"]["code"]), (&json!(kind), &json!(code)));
    answer["error"].clone()
}

/// The message of the 400 that `body` gets, whose fault is in `param`.
#[track_caller]
fn refused(body: &Value, param: &str, code: &str) -> String {
    let error = error(&shared().post_json("/v1/embeddings", body), 400, INVALID, code);
    assert_eq!(error["param"], param, "{error}");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_field_at_fault_is_named_and_what_would_be_right() {
    for (field, value, right) in [
        ("dimensions", json!(513), "from 1 to 512"),
        ("dimensions", json!(-1), "-1"),
        ("dimensions", json!("8"), "\"8\""),
        ("dimensions", json!(u64::MAX), "from 1 to 512"),
        ("encoding_format", json!("int8"), "'float' or 'base64'"),
        ("encoding_format", json!(1), "a string"),
        ("embedding_type", json!("ubinary"), "'float'"),
        ("modality", json!("audio"), "'text' or 'image'"),
        ("modality", json!("text_image"), "'text' or 'image'"),
        ("modality", json!(["text", "text"]), "one for each"),
        ("modality", json!([]), "one for each"),
        ("truncate", json!("START"), "'END' or 'NONE'"),
    ] {
        let message = refused(&json!({"input": "a cat", field: value}), field, "invalid_request");
        assert!(message.contains(right), "{message}");
    }
}

#[test]
fn tokens_and_objects_are_no_input() {
    for input in
        [json!([1, 2]), json!([[1], [2]]), json!({"text": "a"}), json!(7), json!([{"a": 1}])]
    {
        let message = refused(&json!({"input": input}), "input", "invalid_request");
        assert!(message.contains("tokens and objects are not taken"), "{message}");
    }
    assert!(refused(&json!({"model": "a"}), "input", "invalid_request").contains("required"));
    assert!(refused(&json!({"input": null}), "input", "invalid_request").contains("required"));
    refused(&json!({"input": []}), "input", "no_inputs");
}

#[test]
fn urls_and_photos_within_texts_are_refused() {
    let url = json!({"input": ["https://127.0.0.1/cat.png"], "modality": "image"});
    assert!(refused(&url, "input", "url_disabled").contains("URL"));
    let within = format!("a cat {}", uri(&CAT));
    for input in [&within, "<img src=\"data:image/png;asset_id,f00\" />"] {
        let message = refused(&json!({"input": ["a", input]}), "input", "invalid_request");
        assert!(message.contains("a string of its own"), "{message}");
    }
}

#[test]
fn a_photo_at_fault_is_named_by_its_place_among_all_inputs() {
    let body = json!({"input": ["a", "data:image/png;base64,aGVsbG8=", "b"]});
    assert!(refused(&body, "input", "unknown_image_format").contains("image 1"));
    let body = json!({"input": ["no base64"], "modality": "image"});
    refused(&body, "input", "unknown_image_format");
}

#[test]
fn what_is_no_json_says_where() {
    for body in ["x", "", "{\"input\": \"a\"", "{\"input\": \"a\"} x"] {
        let reply = shared().post("/v1/embeddings", "application/json", body.as_bytes());
        let error = error(&reply, 400, INVALID, "invalid_json");
        assert_eq!(error["param"], Value::Null);
        assert!(error["message"].as_str().unwrap().contains("line 1 column"), "{error}");
    }
}

#[test]
fn the_limits_of_requests_hold() {
    let body = json!({"input": vec!["a"; 5]});
    let found =
        error(&limited().post_json("/v1/embeddings", &body), 400, INVALID, "too_many_inputs");
    assert_eq!(found["param"], "input");
    assert!(found["message"].as_str().unwrap().contains("4 (--max-images)"), "{found}");
    let large = vec![b' '; (1 << 20) + 1];
    let reply = limited().post("/embeddings", "application/json", &large);
    error(&reply, 413, INVALID, "body_too_large");
}

#[test]
fn other_paths_and_methods_under_the_prefix_have_the_shape_too() {
    error(&shared().get("/v1/nothing"), 404, INVALID, "not_found");
    for path in ["/v1/embeddings", "/embeddings", "/embeddings_image"] {
        error(&shared().get(path), 405, INVALID, "method_not_allowed");
    }
    error(&shared().send("POST", "/models", &[], b""), 405, INVALID, "method_not_allowed");
}

#[test]
fn without_a_model_everything_is_a_503_to_be_tried_again() {
    let service = Service::starting(&SilentHub::new());
    for path in ["/v1/embeddings", "/embeddings", "/v1/embeddings_image"] {
        let reply = service.post_json(path, &json!({"input": "a"}));
        error(&reply, 503, "server_error", "no_model");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    for path in ["/v1/models", "/models", "/v1/models/ViT-B-32", "/v1/metadata"] {
        error(&service.get(path), 503, "server_error", "no_model");
    }
    let ready = service.get("/v1/health/ready").with_status(503);
    assert_eq!((&ready["ready"], &ready["message"]), (&json!(false), &json!("starting")));
    assert_eq!(service.get("/v1/health/live").with_status(200)["live"], true);
}

#[test]
fn without_a_text_tower_texts_are_refused_and_photos_are_not() {
    let service = Service::tiny(&[]);
    let reply = service.post_json("/v1/embeddings", &json!({"input": [uri(&CAT), "a"]}));
    error(&reply, 400, INVALID, "no_text_tower");
    let reply = service.post_json("/v1/embeddings", &json!({"input": [uri(&CAT)]}));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let models = service.get("/v1/models").with_status(200);
    assert_eq!(models["data"][0]["capabilities"], json!(["image_embed"]));
}
