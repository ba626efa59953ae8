//! Texts over HTTP: embedded in the space of the photos, loaded with the first one, compared with
//! photos; and what is refused.

use serde_json::{Value, json};

use crate::{
    service::{CAT, Service, assert_near, base64, shared},
    support::{cosine, norm},
};

/// The texts of the reference that have an embedding, with it.
fn expected() -> Vec<(String, Vec<f64>)> {
    let path = crate::support::reference().join("expected/text.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let texts = file["texts"].as_array().unwrap().iter().filter_map(|text| {
        let embedding = text["embedding"].get("gelu")?;
        let embedding = serde_json::from_value(embedding.clone()).unwrap();
        Some((text["text"].as_str().unwrap().to_owned(), embedding))
    });
    texts.collect()
}

fn embed(texts: &Value) -> Vec<Vec<f32>> {
    shared().post_json("/embed/text", &json!({ "texts": texts })).embeddings()
}

#[test]
fn texts_get_open_clips_embeddings_in_order() {
    let expected = expected();
    let texts: Vec<_> = expected.iter().map(|(text, _)| text).collect();
    let found = embed(&json!(texts));
    assert_eq!(found.len(), expected.len());
    for ((text, expected), found) in expected.iter().zip(found) {
        let cosine = cosine(&found, expected);
        assert!(cosine > 0.999_999_9, "{text:?}: {cosine}");
        assert!((norm(&found) - 1.).abs() < 1e-5);
    }
}

#[test]
fn a_text_alone_needs_no_list_and_is_the_same_beside_others() {
    let alone = embed(&json!("a photo of a cat")).remove(0);
    let beside =
        embed(&json!(["a dog", "a photo of a cat", "three words more", "x", "y"])).remove(1);
    assert_near(&alone, &beside);
}

#[test]
fn the_tower_is_loaded_with_the_first_text_or_at_the_start_or_never() {
    let state = |service: &Service| service.get("/model-info").with_status(200)["text"].clone();
    let lazy = Service::random(&[]);
    assert_eq!(state(&lazy), "on_demand");
    let first = lazy.post_json("/embed/text", &json!({ "texts": "a cat" })).embeddings();
    assert_eq!(state(&lazy), "ready");
    let again = lazy.post_json("/embed/text", &json!({ "texts": "a cat" })).embeddings();
    assert_near(&first[0], &again[0]);
    drop(lazy);
    assert_eq!(state(&Service::random(&["--text", "on"])), "ready");
    let off = Service::random(&["--text", "off"]);
    assert_eq!(state(&off), "off");
    let error = off.post_json("/embed/text", &json!({ "texts": "a cat" })).with_status(400);
    assert_eq!(error["code"], "text_off");
    assert!(error["detail"].as_str().unwrap().contains("--text"), "{error}");
    off.embeds_as_ever();
}

#[test]
fn a_tower_for_which_there_is_no_memory_is_refused_and_photos_go_on() {
    let flags = ["--memory-limit", "1000MiB", "--max-body-bytes", "16MiB"];
    let service = Service::random(&[&flags[..], &["--max-connections", "64"]].concat());
    let error = service.post_json("/embed/text", &json!({ "texts": "a cat" })).with_status(503);
    assert_eq!(error["code"], "text_unavailable");
    assert!(error["detail"].as_str().unwrap().contains("--memory-limit"), "{error}");
    service.embeds_as_ever();
}

#[test]
fn a_model_without_a_text_tower_says_so() {
    let service = Service::tiny(&[]);
    assert_eq!(service.get("/model-info").with_status(200)["text"], "none");
    let error = service.post_json("/embed/text", &json!({ "texts": "a cat" })).with_status(400);
    assert_eq!(error["code"], "no_text_tower");
}

#[test]
fn what_is_no_list_of_texts_is_refused() {
    for (body, status, code) in [
        (json!({}), 422, "invalid_request"),
        (json!({ "texts": 1 }), 422, "invalid_request"),
        (json!({ "texts": [1] }), 422, "invalid_request"),
        (json!({ "texts": [] }), 400, "no_inputs"),
        (json!({ "texts": vec!["x"; 257] }), 413, "too_many_inputs"),
        (json!({ "texts": "x", "model_name": "ViT-L-14" }), 400, "other_model"),
    ] {
        let error = shared().post_json("/embed/text", &body).with_status(status);
        assert_eq!(error["code"], code, "{error}");
    }
    let error = shared().post("/embed/text", "application/json", b"{").with_status(422);
    assert_eq!(error["code"], "invalid_json");
    // A text of megabytes is cut, and costs nobody anything.
    let long = embed(&json!("word ".repeat(1 << 20)));
    assert_near(&long[0], &embed(&json!("word ".repeat(100)))[0]);
}

#[test]
fn a_photo_is_classified_by_the_cosines_to_sentences() {
    let photo = base64(&CAT);
    let labels = ["cat", "dog", "space rocket"];
    let body = json!({ "images": [photo, photo], "labels": labels, "template": "a photo of a {}" });
    let answer = shared().post_json("/classify", &body).with_status(200);
    assert_eq!(answer["count"], 2);
    let scale = answer["logit_scale"].as_f64().unwrap();
    // ln(1 / 0.07), what the seeded weights have.
    assert!((scale - 1. / 0.07).abs() < 1e-3, "{scale}");
    let image = shared().post("/embed", "image/png", &CAT).embeddings().remove(0);
    let sentences: Vec<_> = labels.iter().map(|label| format!("a photo of a {label}")).collect();
    let cosines: Vec<_> =
        embed(&json!(sentences)).iter().map(|text| cosine(&image, text)).collect();
    let sum: f64 = cosines.iter().map(|cosine| (scale * cosine).exp()).sum();
    for result in answer["results"].as_array().unwrap() {
        let scores = result["scores"].as_array().unwrap();
        assert_eq!(result["label"], scores[0]["label"]);
        let mut before = f64::INFINITY;
        for score in scores {
            let index = labels.iter().position(|label| score["label"] == *label).unwrap();
            let (found, expected) = (score["score"].as_f64().unwrap(), cosines[index]);
            assert!((score["cosine"].as_f64().unwrap() - expected).abs() < 1e-5);
            assert!((found - (scale * expected).exp() / sum).abs() < 1e-5);
            assert!(found <= before, "the best comes first");
            before = found;
        }
    }
}

#[test]
fn several_templates_are_the_direction_of_their_mean() {
    let (photo, templates) = (base64(&CAT), ["a photo of a {}.", "a drawing of a {}."]);
    let body =
        json!({ "images": photo, "labels": "cat", "template": templates, "logit_scale": 100 });
    let answer = shared().post_json("/classify", &body).with_status(200);
    let image = shared().post("/embed", "image/png", &CAT).embeddings().remove(0);
    let texts = embed(&json!(templates.map(|template| template.replace("{}", "cat"))));
    let mean: Vec<f32> = texts[0].iter().zip(&texts[1]).map(|(a, b)| a + b).collect();
    let found = answer["results"][0]["scores"][0]["cosine"].as_f64().unwrap();
    assert!((found - cosine(&image, &mean)).abs() < 1e-5);
    assert_eq!(answer["results"][0]["scores"][0]["score"], 1.0);
    assert_eq!(answer["logit_scale"], 100.0);
}

#[test]
fn a_classification_that_cannot_be_says_which_field_is_wrong() {
    let photo = base64(&CAT);
    for (body, status, field) in [
        (json!({ "images": photo, "labels": [] }), 422, "labels"),
        (json!({ "images": photo, "labels": "cat", "template": "no place" }), 422, "template"),
        (json!({ "images": photo, "labels": "cat", "template": [] }), 422, "template"),
        (json!({ "images": photo, "labels": "cat", "logit_scale": 0 }), 422, "logit_scale"),
        (json!({ "images": photo }), 422, "labels"),
        (
            json!({ "images": photo, "labels": ["cat", "x".repeat(1001)] }),
            422,
            "text 1, from 0, has 1001",
        ),
        (
            json!({ "images": photo, "labels": "cat", "template": format!("{{}}{}", "x".repeat(999)) }),
            422,
            "the limit is 1000",
        ),
        (json!({ "images": photo, "labels": "cat", "template": "{}".repeat(5) }), 422, "4 times"),
    ] {
        let error = shared().post_json("/classify", &body).with_status(status);
        assert!(error["detail"].to_string().contains(field), "{error}");
    }
    let long = json!({ "images": photo, "labels": "x".repeat(1000) });
    assert_eq!(shared().post_json("/classify", &long).status, 200, "as long as may be");
    let error = json!({ "images": [], "labels": "cat" });
    assert_eq!(shared().post_json("/classify", &error).with_status(400)["code"], "no_images");
    let error = json!({ "images": "aGVsbG8=", "labels": "cat" });
    let error = shared().post_json("/classify", &error).with_status(400);
    assert_eq!((&error["code"], &error["index"]), (&json!("unknown_image_format"), &json!(0)));
}
