//! What clients of OpenAI, Infinity and NIM ask beside embeddings.

use serde_json::json;

use crate::service::shared;

#[test]
fn the_model_is_listed_as_openai_and_infinity_list_it() {
    for path in ["/v1/models", "/models"] {
        let list = shared().get(path).with_status(200);
        assert_eq!((&list["object"], list["data"].as_array().unwrap().len()), (&json!("list"), 1));
        let model = &list["data"][0];
        assert_eq!((&model["id"], &model["object"]), (&json!("ViT-B-32"), &json!("model")));
        assert_eq!((&model["owned_by"], &model["backend"]), (&json!("infinity"), &json!("cpu")));
        assert_eq!(model["capabilities"], json!(["embed", "image_embed"]));
        assert!(model["created"].as_u64().unwrap() > 1_700_000_000);
        let stats = &model["stats"];
        assert!((0. ..=1.).contains(&stats["queue_fraction"].as_f64().unwrap()), "{stats}");
        for name in ["queue_absolute", "results_pending", "batch_size"] {
            assert!(stats[name].is_u64(), "{stats}");
        }
    }
}

#[test]
fn a_model_is_found_by_its_name_in_any_spelling() {
    for id in ["ViT-B-32", "vit-b-32", "ViT-B%2F32", "ViT-B/32"] {
        let model = shared().get(&format!("/v1/models/{id}")).with_status(200);
        assert_eq!(model["id"], "ViT-B-32", "{id}");
    }
    for id in ["gpt-4", "ViT-L-14", "openai/clip-vit-base-patch32"] {
        let answer = shared().get(&format!("/v1/models/{id}")).with_status(404);
        assert_eq!(answer["error"]["code"], "model_not_found", "{id}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(id) && message.contains("ViT-B-32"), "{message}");
    }
}

#[test]
fn nims_probes_and_versions_are_there() {
    let live = json!({"object": "health.response", "message": "ok", "live": true});
    assert_eq!(shared().get("/v1/health/live").with_status(200), live);
    let ready = json!({"object": "health.response", "message": "ok", "ready": true});
    assert_eq!(shared().get("/v1/health/ready").with_status(200), ready);
    let version = env!("CARGO_PKG_VERSION");
    let versions = json!({"release": version, "api": version});
    assert_eq!(shared().get("/v1/version").with_status(200), versions);
    let metadata = shared().get("/v1/metadata").with_status(200);
    assert_eq!(metadata["version"], version);
    let model = json!([{"shortName": "ViT-B-32", "modelUrl": "random"}]);
    assert_eq!(metadata["modelInfo"], model);
    let metrics = shared().get("/v1/metrics");
    assert!(metrics.text().contains("# TYPE inference_build_info gauge"));
}
