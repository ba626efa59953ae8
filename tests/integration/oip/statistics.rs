//! What was inferred is counted, for `/v2/models/{model}/stats` and for those who scrape Triton's names.

use serde_json::{Value, json};

use super::{SQUARE, bytes, error, head, infer, squares};
use crate::{
    metrics::exposition::{Exposition, scrape},
    service::Service,
};

fn stats(service: &Service, path: &str) -> Value {
    service.get(path).with_status(200)["model_stats"].clone()
}

fn value(metrics: &Exposition, name: &str, model: &str) -> f64 {
    metrics.value(name, &[("model", model), ("version", "1")])
}

#[test]
fn statistics_and_counters_move_together() {
    let service = Service::tiny(&[]);
    let path = "/v2/models/clip_vit_b32/stats";
    let before = stats(&service, path);
    let nothing = json!({"count": 0, "ns": 0});
    assert_eq!(before[0]["inference_stats"]["success"], nothing);
    assert_eq!(
        (&before[0]["last_inference"], &before[0]["inference_count"]),
        (&json!(0), &json!(0))
    );
    let good = head("image", "FP32", &json!([3, 3, 16, 16]), 3 * SQUARE, true);
    for _ in 0..2 {
        assert_eq!(infer(&service, "clip_vit_b32", &good, &bytes(&squares(3))).status, 200);
    }
    let bad = head("image", "FP32", &json!([1, 3, 16, 16]), 1, true);
    error(&infer(&service, "clip_vit_b32", &bad, b"x"), 400);
    error(&infer(&service, "resnet", &bad, b"x"), 404);
    let after = stats(&service, path);
    assert_eq!(after.as_array().unwrap().len(), 1);
    let after = &after[0];
    assert_eq!((&after["name"], &after["version"]), (&json!("clip_vit_b32"), &json!("1")));
    assert_eq!((&after["inference_count"], &after["execution_count"]), (&json!(6), &json!(2)));
    assert!(after["last_inference"].as_u64().unwrap() > 1_700_000_000_000);
    let of = |stage: &str| &after["inference_stats"][stage];
    assert_eq!((&of("success")["count"], &of("fail")["count"]), (&json!(2), &json!(1)));
    for stage in ["queue", "compute_input", "compute_infer", "compute_output"] {
        assert_eq!(of(stage)["count"], 2, "{stage}");
        assert!(of(stage)["ns"].as_u64() <= of("success")["ns"].as_u64(), "{stage}");
    }
    assert!(of("compute_infer")["ns"].as_u64().unwrap() > 0);
    assert_eq!(of("cache_hit"), &nothing);
    // All models, by both paths, and the others stand still.
    let all = stats(&service, "/v2/models/stats");
    assert_eq!(&all[2], after);
    assert_eq!(stats(&service, "/v2/models/clip_vit_b32/versions/1/stats")[0], *after);
    assert_eq!(all[0]["inference_count"], 0);

    let metrics = scrape(service.api);
    let of = |name: &str| value(&metrics, &format!("nv_inference_{name}"), "clip_vit_b32");
    assert_eq!((of("request_success"), of("request_failure")), (2., 1.));
    assert_eq!((of("count"), of("exec_count")), (6., 2.));
    for (name, stage) in [
        ("request_duration_us", "success"),
        ("queue_duration_us", "queue"),
        ("compute_input_duration_us", "compute_input"),
        ("compute_infer_duration_us", "compute_infer"),
        ("compute_output_duration_us", "compute_output"),
    ] {
        let nanoseconds = after["inference_stats"][stage]["ns"].as_u64().unwrap();
        assert_eq!(of(name), (nanoseconds / 1000) as f64, "{name}");
    }
    assert_eq!(value(&metrics, "nv_inference_count", "openclip_vit_b32"), 0.);
}

/// What the app's benchmark looks for in the text.
#[test]
fn the_lines_are_as_triton_writes_them() {
    let service = Service::tiny(&[]);
    let reply = service.get("/metrics");
    for name in ["request_success", "request_duration_us", "compute_infer_duration_us"] {
        let line = format!("nv_inference_{name}{{model=\"openclip_vit_b32\",version=\"1\"}} 0\n");
        assert!(reply.text().contains(&line), "{line}");
    }
}
