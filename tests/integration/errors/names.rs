//! A request for another model, or with a content type that is not taken, is told what is.

use serde_json::json;

use crate::service::{CAT, base64, form, shared};

#[test]
fn another_model_is_refused_and_the_served_one_named() {
    for (model_name, pretrained) in [
        (json!("ViT-L-14"), json!(null)),
        (json!("ViT-B-32"), json!("openai")),
        (json!(null), json!("laion2b_s34b_b79k")),
        (json!("hf-hub:someone/else"), json!("random")),
    ] {
        let body = json!({
            "images": [base64(&CAT)], "model_name": model_name, "pretrained": pretrained,
        });
        let answer = shared().post_json("/embed/base64", &body).with_status(400);
        assert_eq!(answer["code"], "other_model");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains("ViT-B-32 with the weights random"), "{detail}");
        for asked in [&model_name, &pretrained].into_iter().filter_map(|name| name.as_str()) {
            assert!(detail.contains(asked), "{detail}");
        }
    }
    shared().embeds_as_ever();
}

#[test]
fn forms_and_queries_name_models_too() {
    let cat = ("files", Some("a"), &**CAT);
    let (content_type, body) = form(&[cat, ("model_name", None, b"ViT-L-14")]);
    let reply = shared().post("/embed/batch", &content_type, &body);
    assert_eq!(reply.with_status(400)["code"], "other_model");
    let (content_type, body) = form(&[cat]);
    for path in ["/embed/batch?model_name=ViT-L-14", "/embed?pretrained=openai"] {
        let reply = shared().post(path, &content_type, &body);
        assert_eq!(reply.with_status(400)["code"], "other_model");
    }
    let reply = shared().post("/embed?model_name=ViT-L-14", "image/png", &CAT);
    assert_eq!(reply.with_status(400)["code"], "other_model");
}

#[test]
fn a_long_name_is_not_echoed_whole() {
    let body = json!({"images": ["a"], "model_name": "x".repeat(1_000_000)});
    let reply = shared().post_json("/embed", &body);
    assert_eq!(reply.with_status(400)["code"], "other_model");
    assert!(reply.body.len() < 1000);
}

#[test]
fn an_unknown_content_type_is_told_which_are_taken() {
    for content_type in ["application/pdf", "video/mp4", "text/html", "nonsense", ""] {
        let answer = shared().post("/embed", content_type, &CAT).with_status(415);
        assert_eq!(answer["code"], "unsupported_content_type");
        let detail = answer["detail"].as_str().unwrap();
        for known in ["application/json", "multipart/form-data", "image/*"] {
            assert!(detail.contains(known), "{detail}");
        }
    }
}

#[test]
fn a_form_that_cannot_be_read_is_told_so() {
    let (content_type, whole) = form(&[("files", Some("a"), &CAT)]);
    for (content_type, body) in [
        ("application/json", &b"{}"[..]),
        ("multipart/form-data", &whole),
        ("multipart/form-data; boundary=another", &whole),
        (&content_type, &whole[..whole.len() / 2]),
        (&content_type, b""),
        (&content_type, b"--a-boundary-that-no-photo-has\r\nnonsense"),
    ] {
        let answer = shared().post("/embed/batch", content_type, body).with_status(400);
        assert_eq!(answer["code"], "invalid_multipart", "{content_type}");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.starts_with("There was an error parsing the body: "), "{detail}");
    }
    shared().embeds_as_ever();
}
