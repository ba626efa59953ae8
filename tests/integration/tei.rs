//! TEI's protocol: the vectors of the native routes as bare lists, and TEI's errors, on `/embed` beside
//! ours, and on `/`.

use serde_json::{Value, json};

use crate::{
    service::{CAT, Reply, Service, SilentHub, assert_near, base64, limited, photo, shared},
    support::norm,
};

/// Where it is spoken.
const PATHS: [&str; 2] = ["/embed", "/"];

fn uri(photo: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(photo))
}

/// The lists that `body` is answered with, on each path.
#[track_caller]
fn lists(body: &Value) -> [Vec<Vec<f32>>; 2] {
    PATHS.map(|path| {
        serde_json::from_value(shared().post_json(path, body).with_status(200)).unwrap()
    })
}

/// An error of `kind`.
#[track_caller]
fn failed(reply: &Reply, status: u16, kind: &str) -> String {
    let answer = reply.with_status(status);
    assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
    assert_eq!(answer["error_type"], kind, "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

fn of_texts(texts: &[&str]) -> Vec<Vec<f32>> {
    shared().post_json("/embed/text", &json!({"texts": texts})).embeddings()
}

#[test]
fn texts_and_photos_are_embedded_in_their_order_as_on_the_native_routes() {
    let rocket = photo("rocket-tall.png");
    let images = json!({"images": [base64(&CAT), base64(&rocket)]});
    let photos = shared().post_json("/embed/base64", &images).embeddings();
    let texts = of_texts(&["a cat", "a rocket"]);
    let body = json!({"inputs": ["a cat", uri(&CAT), uri(&rocket), "a rocket"], "model": "any"});
    for found in lists(&body) {
        assert_eq!(found.len(), 4);
        for (found, expected) in found.iter().zip([&texts[0], &photos[0], &photos[1], &texts[1]]) {
            assert_near(found, expected);
        }
    }
    for found in lists(&json!({"inputs": "a cat"})) {
        assert_eq!(found.len(), 1, "a string alone is a list of one");
        assert_near(&found[0], &texts[0]);
    }
}

#[test]
fn without_normalize_embeddings_are_as_the_model_projects_them() {
    let unit = of_texts(&["a cat"]).remove(0);
    for found in lists(&json!({"inputs": "a cat", "normalize": false})) {
        let length = norm(&found[0]) as f32;
        assert!((length - 1.).abs() > 1e-3, "{length}");
        let scaled: Vec<_> = found[0].iter().map(|number| number / length).collect();
        assert_near(&scaled, &unit);
    }
    for found in lists(&json!({"inputs": "a cat", "normalize": true})) {
        assert_near(&found[0], &unit);
    }
}

#[test]
fn dimensions_keep_the_first_numbers() {
    let raw =
        lists(&json!({"inputs": "a cat", "normalize": false})).map(|mut lists| lists.remove(0));
    for (found, raw) in
        lists(&json!({"inputs": "a cat", "normalize": false, "dimensions": 8})).iter().zip(&raw)
    {
        assert_near(&found[0], &raw[..8]);
    }
    for found in lists(&json!({"inputs": "a cat", "dimensions": 8})) {
        assert!((norm(&found[0]) - 1.).abs() < 1e-6);
        assert_eq!(found[0].len(), 8);
    }
}

#[test]
fn what_is_wrong_is_a_validation() {
    for (body, said) in [
        (json!({"inputs": [[1, 2]]}), "a string"),
        (json!({"inputs": {"source_sentence": "a", "sentences": ["b"]}}), "a string or a list"),
        (json!({"inputs": null}), ""),
        (json!({"inputs": "a", "dimensions": 513}), "from 1 to 512"),
        (json!({"inputs": "a", "normalize": "yes"}), "inputs.normalize: "),
        (json!({"inputs": "a", "prompt_name": "query"}), "prompt_name"),
        (json!({"inputs": "a", "truncate": true, "truncation_direction": "Left"}), "'Right'"),
        (json!({"inputs": "a", "truncation_direction": "up"}), "'Right'"),
        (json!({"inputs": ["a", "data:image/png;base64,aGVsbG8="]}), "image 1"),
        (json!({"inputs": ["a data:image/png;base64,aGVsbG8="]}), "a string of its own"),
    ] {
        for path in PATHS {
            let message = failed(&shared().post_json(path, &body), 422, "Validation");
            let said = said.strip_prefix("inputs.").unwrap_or(said);
            assert!(message.contains(said), "{message}");
        }
    }
    let reply = shared().post("/", "application/json", b"{");
    failed(&reply, 422, "Validation");
    failed(&shared().post_json("/", &json!({"images": []})), 422, "Validation");
}

#[test]
fn nothing_is_empty_and_too_much_is_a_validation() {
    for path in PATHS {
        failed(&shared().post_json(path, &json!({"inputs": []})), 400, "Empty");
        let reply = limited().post_json(path, &json!({"inputs": vec!["a"; 5]}));
        assert!(failed(&reply, 422, "Validation").contains("4 (--max-images)"));
    }
    let large = vec![b' '; (1 << 20) + 1];
    failed(&limited().post("/", "application/json", &large), 413, "Validation");
}

#[test]
fn truncate_says_what_becomes_of_a_long_text() {
    let long = "cat ".repeat(200);
    let cut = of_texts(&[&long]).remove(0);
    for direction in [json!("Right"), json!("right"), json!(null)] {
        let body = json!({"inputs": &long, "truncate": true, "truncation_direction": direction});
        for found in lists(&body) {
            assert_near(&found[0], &cut);
        }
    }
    for truncate in [json!(false), json!(null)] {
        let body = json!({"inputs": ["a cat", &long], "truncate": truncate});
        for path in PATHS {
            let message = failed(&shared().post_json(path, &body), 422, "Validation");
            assert!(message.contains("Text 1") && message.contains("77 tokens"), "{message}");
        }
    }
    let body = json!({"input": &long, "truncate": "NONE"});
    let answer = shared().post_json("/v1/embeddings", &body).with_status(400);
    assert_eq!(answer["error"]["code"], "text_too_long");
}

#[test]
fn images_are_ours_and_both_are_an_error() {
    let both = json!({"inputs": ["a"], "images": [base64(&CAT)]});
    let answer = shared().post_json("/embed", &both).with_status(422);
    assert_eq!(answer["detail"][0]["loc"], json!(["body", "inputs"]));
    // The original's route ignores what it does not know.
    assert_eq!(shared().post_json("/embed/base64", &both).embeddings().len(), 1);
    let ours = json!({"images": [base64(&CAT)], "normalize": false});
    let found = shared().post_json("/embed", &ours).embeddings().remove(0);
    assert!((norm(&found) - 1.).abs() < 1e-6);
    let query = "/embed?model_name=other";
    let answer = shared().post_json(query, &json!({"images": [base64(&CAT)]})).with_status(400);
    assert_eq!(answer["code"], "other_model");
}

#[test]
fn info_has_teis_fields() {
    let info = shared().get("/info").with_status(200);
    for (field, expected) in [
        ("model_id", json!("ViT-B-32")),
        ("model_sha", json!(null)),
        ("model_dtype", json!("float32")),
        ("served_model_name", json!("ViT-B-32")),
        ("model_type", json!({"embedding": {"pooling": "last_token"}})),
        ("max_input_length", json!(77)),
        ("max_client_batch_size", json!(256)),
        ("max_concurrent_requests", json!(288)),
        ("auto_truncate", json!(false)),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("sha", json!(null)),
        ("docker_label", json!(null)),
    ] {
        assert_eq!(info[field], expected, "{field}");
    }
    for field in ["max_batch_tokens", "max_batch_requests", "tokenization_workers"] {
        assert!(info[field].as_u64().unwrap() > 0, "{field}");
    }
    let document = shared().get("/api-doc/openapi.json").with_status(200);
    assert_eq!(document, shared().get("/openapi.json").json());
}

#[test]
fn without_a_model_it_is_unhealthy() {
    let service = Service::starting(&SilentHub::new());
    let reply = service.post_json("/", &json!({"inputs": "a"}));
    failed(&reply, 503, "Unhealthy");
    assert_eq!(reply.header("retry-after"), Some("1"));
    failed(&service.get("/info"), 503, "Unhealthy");
    failed(&shared().send("POST", "/info", &[], b""), 405, "Validation");
}
