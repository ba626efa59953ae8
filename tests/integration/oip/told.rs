//! What the protocol tells of the service and its models.

use serde_json::{Value, json};

use super::{error, tiny};
use crate::service::{Service, SilentHub, shared};

const MODELS: [&str; 5] = [
    "openclip_vit_b32",
    "openclip_vit_b32_trt",
    "clip_vit_b32",
    "clip_vit_b32_jpeg",
    "clip_vit_b32_text",
];

#[test]
fn the_server_tells_its_name_and_extensions() {
    let server = shared().get("/v2").with_status(200);
    assert_eq!(server["name"], "inference-service");
    assert_eq!(server["version"], env!("CARGO_PKG_VERSION"));
    let extensions = json!(["binary_tensor_data", "model_configuration", "statistics"]);
    assert_eq!(server["extensions"], extensions);
}

/// Triton's clients look at the status, KServe's at the body.
#[test]
fn health_has_a_status_and_says_it_again() {
    let told = |service: &Service, path: &str, status| service.get(path).with_status(status);
    assert_eq!(told(shared(), "/v2/health/live", 200), json!({"live": true}));
    assert_eq!(told(shared(), "/v2/health/ready", 200), json!({"ready": true}));
    for model in MODELS {
        let expected = json!({"name": model, "ready": true});
        for version in ["", "/versions/1"] {
            let path = format!("/v2/models/{model}{version}/ready");
            assert_eq!(told(shared(), &path, 200), expected, "{path}");
        }
    }
    // The tiny model has no text tower.
    let expected = json!({"name": "clip_vit_b32_text", "ready": false});
    assert_eq!(told(tiny(), "/v2/models/clip_vit_b32_text/ready", 400), expected);
    assert_eq!(tiny().get("/v2/models/clip_vit_b32/ready").status, 200);
}

#[test]
fn metadata_is_that_of_the_originals_model() {
    let expected = json!({
        "name": "openclip_vit_b32", "versions": ["1"], "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 224, 224]}],
        "outputs": [{"name": "embedding", "datatype": "FP32", "shape": [-1, 512]}],
    });
    for path in ["/v2/models/openclip_vit_b32", "/v2/models/openclip_vit_b32/versions/1"] {
        assert_eq!(shared().get(path).with_status(200), expected, "{path}");
    }
    let texts = shared().get("/v2/models/clip_vit_b32_text").with_status(200);
    assert_eq!(texts["inputs"], json!([{"name": "text", "datatype": "BYTES", "shape": [-1, 1]}]));
    // Names stay, shapes are those of what is served.
    let tiny = tiny().get("/v2/models/openclip_vit_b32").with_status(200);
    assert_eq!(tiny["inputs"][0]["shape"], json!([-1, 3, 16, 16]));
    assert_eq!(tiny["outputs"][0]["shape"], json!([-1, 8]));
}

#[test]
fn configurations_say_the_same_without_the_batch() {
    let expected = json!({
        "name": "clip_vit_b32_jpeg", "platform": "onnxruntime_onnx", "backend": "onnxruntime",
        "max_batch_size": 32,
        "input": [{"name": "image", "data_type": "TYPE_STRING", "dims": [1]}],
        "output": [{"name": "embedding", "data_type": "TYPE_FP32", "dims": [512]}],
        "dynamic_batching": {}, "model_transaction_policy": {"decoupled": false},
    });
    for path in
        ["/v2/models/clip_vit_b32_jpeg/config", "/v2/models/clip_vit_b32_jpeg/versions/1/config"]
    {
        assert_eq!(shared().get(path).with_status(200), expected, "{path}");
    }
    let tiny = tiny().get("/v2/models/clip_vit_b32/config").with_status(200);
    assert_eq!(
        (&tiny["max_batch_size"], &tiny["input"][0]["dims"]),
        (&json!(8), &json!([3, 16, 16]))
    );
}

#[test]
fn the_index_lists_all_models_or_those_that_answer() {
    let index = |service: &Service, body: &[u8]| {
        service.send("POST", "/v2/repository/index", &[], body).with_status(200)
    };
    let all = index(tiny(), b"");
    let names: Vec<_> = all.as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, MODELS);
    let first = json!({"name": "openclip_vit_b32", "version": "1", "state": "READY", "reason": ""});
    assert_eq!(all[0], first);
    assert_eq!(all[4]["state"], "UNAVAILABLE");
    assert_eq!(all[4]["reason"], "the model has no text tower");
    for body in [&b"{}"[..], b"null", br#"{"ready":false,"other":[1]}"#] {
        assert_eq!(index(tiny(), body), all);
    }
    let ready = index(tiny(), br#"{"ready":true}"#);
    assert_eq!(ready.as_array().unwrap().len(), 4);
    assert_eq!(index(shared(), br#"{"ready":true}"#).as_array().unwrap().len(), 5);
    for (body, status) in [(b"[".to_vec(), 400), (b"[null]".to_vec(), 400), (vec![b' '; 5000], 413)]
    {
        error(&tiny().send("POST", "/v2/repository/index", &[], &body), status);
    }
}

#[test]
fn before_the_model_is_loaded_nothing_is_ready() {
    let hub = SilentHub::new();
    let service = Service::starting(&hub);
    assert_eq!(service.get("/v2/health/live").status, 200);
    let ready = service.get("/v2/health/ready").with_status(400);
    assert_eq!(ready, json!({"ready": false}));
    assert_eq!(service.get("/v2/models/clip_vit_b32/ready").status, 400);
    assert_eq!(service.get("/v2").status, 200);
    for path in ["/v2/models/clip_vit_b32", "/v2/models/clip_vit_b32/config"] {
        assert_eq!(error(&service.get(path), 503), "No model loaded");
    }
    let infer = service.post_json("/v2/models/clip_vit_b32/infer", &json!({"inputs": []}));
    assert_eq!(error(&infer, 503), "No model loaded");
    assert_eq!(infer.header("retry-after"), Some("1"));
    let index = service.send("POST", "/v2/repository/index", &[], b"").with_status(200);
    let loading = |model: &Value| model["reason"] == "the weights are being loaded";
    assert!(index.as_array().unwrap().iter().all(loading), "{index}");
}

#[test]
fn while_the_service_drains_it_is_not_ready_and_still_answers() {
    let service = Service::tiny(&["--drain-delay", "1h"]);
    service.signal("TERM");
    service.await_log("stopping", |line| {
        line["message"] == "stopping: running requests are finished first"
    });
    assert_eq!(service.get("/v2/health/ready").status, 400);
    assert_eq!(service.get("/v2/health/live").status, 200);
    assert_eq!(service.get("/v2/models/clip_vit_b32/ready").status, 400);
    assert_eq!(service.get("/v2/models/clip_vit_b32").status, 200);
}
