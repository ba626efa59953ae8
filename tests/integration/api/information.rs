//! What the service tells of itself, key by key.

use serde_json::json;

use crate::service::{send, shared};

#[test]
fn health_is_ok_and_names_the_model() {
    for path in ["/health", "/healthz"] {
        let health = shared().get(path).with_status(200);
        let unix = &health["unix"];
        assert!(unix.as_f64().unwrap() > 1.7e9, "{path}");
        let expected = json!({"status": "ok", "model": "ViT-B-32", "unix": unix});
        assert_eq!(health, expected, "{path}");
    }
}

#[test]
fn probes_are_ok_on_both_ports() {
    for path in ["/startupz", "/readyz", "/livez"] {
        for address in [shared().api, shared().admin.unwrap()] {
            let probe = send(address, "GET", path, &[], b"").with_status(200);
            assert_eq!(probe, json!({"status": "ok"}), "{path}");
        }
    }
}

#[test]
fn model_info_has_the_originals_keys_and_says_what_runs() {
    let expected = json!({
        "model_name": "ViT-B-32",
        "pretrained": "random",
        "device": "cpu",
        "embedding_dim": 512,
        "activation": "gelu",
        "precision": "f32",
        "weights": "seeded",
    });
    let mut found = shared().get("/model-info").with_status(200);
    let text = found.as_object_mut().unwrap().remove("text").unwrap();
    assert!(["on_demand", "ready"].contains(&text.as_str().unwrap()), "{text}");
    assert_eq!(found, expected);
}

#[test]
fn gpu_info_without_a_gpu_is_the_originals() {
    let expected = json!({
        "cuda_available": false,
        "cuda_version": null,
        "device_count": 0,
        "model_on_gpu": false,
        "warning": "CUDA not available - running on CPU",
    });
    assert_eq!(shared().get("/gpu-info").with_status(200), expected);
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    for path in ["/health", "/model-info", "/gpu-info"] {
        let get = shared().get(path);
        let head = shared().send("HEAD", path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        // The time in it is not always as long.
        if path != "/health" {
            assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
        }
    }
}

#[test]
fn what_does_not_exist_is_not_found() {
    for path in ["/nothing", "/embed/", "/embed/base64/more", "/v3/nothing"] {
        let error = shared().get(path).with_status(404);
        assert_eq!(error, json!({"detail": "Not Found", "code": "not_found"}), "{path}");
    }
}

#[test]
fn other_methods_are_refused_and_the_right_ones_named() {
    for (method, path, allowed) in [
        ("GET", "/embed/base64", "POST"),
        ("GET", "/embed/batch", "POST"),
        ("PUT", "/embed", "POST"),
        ("POST", "/health", "GET,HEAD"),
        ("DELETE", "/model-info", "GET,HEAD"),
    ] {
        let reply = shared().send(method, path, &[], b"");
        let expected = json!({"detail": "Method Not Allowed", "code": "method_not_allowed"});
        assert_eq!(reply.with_status(405), expected, "{method} {path}");
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[test]
fn the_admin_listener_tells_and_embeds_nothing() {
    let admin = shared().admin.unwrap();
    for path in ["/health", "/healthz", "/model-info"] {
        let mut told = crate::service::send(admin, "GET", path, &[], b"").with_status(200);
        let mut expected = shared().get(path).json();
        // The time, which has gone on.
        for answer in [&mut told, &mut expected] {
            answer.as_object_mut().unwrap().remove("unix");
        }
        assert_eq!(told, expected, "{path}");
    }
    assert_eq!(crate::service::send(admin, "GET", "/metrics", &[], b"").status, 200);
    let reply = crate::service::send(admin, "POST", "/embed/base64", &[], b"{}");
    assert_eq!(reply.with_status(404)["code"], "not_found");
}
