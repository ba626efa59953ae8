//! Every way to send photos, to every route that takes them, gives the same embeddings in order.

use serde_json::{Value, json};

use crate::service::{CAT, Reply, assert_near, base64, form, photo, shared};

/// Three photos that are told apart at a glance.
const NAMES: [&str; 3] = ["cat-224.png", "rocket-tall.png", "astronaut-rgba.png"];

/// The embedding of a reference image, as open_clip computes it with the seeded weights.
fn reference(name: &str) -> Vec<f32> {
    static ALL: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
        serde_json::from_str(include_str!("../../reference/expected/embeddings.json")).unwrap()
    });
    serde_json::from_value(ALL["embeddings"]["gelu"][name].clone()).unwrap()
}

#[track_caller]
fn assert_embeds(reply: &Reply, names: &[&str]) {
    let embeddings = reply.embeddings();
    assert_eq!(embeddings.len(), names.len());
    for (embedding, name) in embeddings.iter().zip(names) {
        assert_eq!(embedding.len(), 512);
        let worst = embedding.iter().zip(reference(name)).map(|(a, b)| (a - b).abs());
        let worst = worst.fold(0.0, f32::max);
        assert!(worst <= 2e-5, "{name} is off by {worst}");
        let norm = embedding.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((norm - 1.0).abs() < 1e-6, "{name} has norm {norm}");
    }
}

fn json_of(names: &[&str]) -> Value {
    let images: Vec<_> = names.iter().map(|name| base64(&photo(name))).collect();
    json!({"images": images})
}

#[test]
fn json_is_embedded_in_order_with_the_model_and_the_count() {
    let mut body = json_of(&NAMES);
    body["model_name"] = "ViT-B-32".into();
    body["pretrained"] = "random".into();
    let reply = shared().post_json("/embed/base64", &body);
    assert_embeds(&reply, &NAMES);
    let answer = reply.json();
    let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["count", "embeddings", "model_info"]);
    let mut model = shared().get("/model-info").json();
    // Whether texts are embedded is no matter of these embeddings.
    assert!(model.as_object_mut().unwrap().remove("text").is_some());
    assert_eq!(answer["model_info"], model);
}

#[test]
fn a_photo_may_be_a_data_uri() {
    let image = format!("data:image/png;base64,{}", base64(&CAT));
    assert_embeds(&shared().post_json("/embed/base64", &json!({"images": [image]})), &NAMES[..1]);
}

#[test]
fn line_breaks_and_foreign_characters_in_base64_are_skipped() {
    let text = base64(&CAT);
    let lines = text.as_bytes().chunks(76).map(|line| str::from_utf8(line).unwrap());
    let broken = lines.clone().collect::<Vec<_>>().join("\r\n");
    let foreign = lines.collect::<Vec<_>>().join(" -_é\t");
    let reply = shared().post_json("/embed/base64", &json!({"images": [broken, foreign]}));
    assert_embeds(&reply, &[NAMES[0], NAMES[0]]);
}

#[test]
fn a_form_is_embedded_in_the_order_of_its_files() {
    let photos = NAMES.map(photo);
    let [a, b, c] = [0, 1, 2].map(|i| ("files", Some(NAMES[i]), &*photos[i]));
    let named: [(&str, Option<&str>, &[u8]); 2] =
        [("model_name", None, b"ViT-B-32"), ("pretrained", None, b"random")];
    let (content_type, body) = form(&[a, named[0], b, named[1], c]);
    assert_embeds(&shared().post("/embed/batch", &content_type, &body), &NAMES);
    // As the original's query parameters, too.
    let (content_type, body) = form(&[c, a]);
    let path = "/embed/batch?model_name=ViT-B-32&pretrained=random";
    assert_embeds(&shared().post(path, &content_type, &body), &[NAMES[2], NAMES[0]]);
}

#[test]
fn unknown_fields_of_a_form_are_ignored() {
    let cat = ("files", Some("a.jpg"), &**CAT);
    let (content_type, body) = form(&[("mode", None, b"remote"), cat, ("file", None, b"no photo")]);
    assert_embeds(&shared().post("/embed/batch", &content_type, &body), &NAMES[..1]);
}

#[test]
fn embed_takes_json_with_unknown_fields() {
    let mut body = json_of(&NAMES[..2]);
    body["mode"] = "remote".into();
    body["priority"] = json!({"nested": [1, null, {"images": []}]});
    assert_embeds(&shared().post_json("/embed", &body), &NAMES[..2]);
}

#[test]
fn json_is_taken_with_any_content_type_that_json_is_sent_with() {
    let body = json_of(&NAMES[..1]).to_string();
    for content_type in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.api+json",
        // What curl says of --data.
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
    ] {
        assert_embeds(&shared().post("/embed", content_type, body.as_bytes()), &NAMES[..1]);
    }
    // The route says what its body is.
    assert_embeds(&shared().post("/embed/base64", "image/png", body.as_bytes()), &NAMES[..1]);
}

#[test]
fn json_is_taken_without_a_content_type() {
    let body = json_of(&NAMES[..1]).to_string();
    for path in ["/embed", "/embed/base64"] {
        let mut connection = shared().connect();
        let length = body.len();
        connection
            .write(format!("POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: {length}\r\n\r\n"));
        connection.write(&body);
        assert_embeds(&connection.read(), &NAMES[..1]);
    }
}

#[test]
fn embed_takes_a_photo_as_its_body() {
    // The content decides what a photo is, not the label.
    for content_type in ["image/png", "IMAGE/JPEG", "application/octet-stream"] {
        assert_embeds(&shared().post("/embed", content_type, &CAT), &NAMES[..1]);
    }
    let path = "/embed?model_name=ViT-B-32&pretrained=random";
    assert_embeds(&shared().post(path, "image/png", &CAT), &NAMES[..1]);
}

#[test]
fn embed_takes_a_form() {
    let cat = ("files", Some("a.jpg"), &**CAT);
    let (content_type, body) = form(&[cat, cat]);
    assert_embeds(&shared().post("/embed", &content_type, &body), &[NAMES[0]; 2]);
}

#[test]
fn other_spellings_of_the_served_model_are_its_names() {
    for (model_name, pretrained) in [
        (json!("ViT-B/32"), json!("RANDOM")),
        (json!("vit-b-32"), json!(null)),
        (json!(" VIT-B/32 "), json!("Random")),
        (json!(null), json!("random")),
        (json!(""), json!("")),
    ] {
        let mut body = json_of(&NAMES[..1]);
        body["model_name"] = model_name;
        body["pretrained"] = pretrained;
        assert_embeds(&shared().post_json("/embed/base64", &body), &NAMES[..1]);
    }
}

#[test]
fn requests_follow_one_another_on_one_connection() {
    let mut connection = shared().connect();
    let body = json_of(&NAMES[..1]).to_string();
    let post = format!("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len());
    // Both are on their way before the first is answered.
    connection.write(format!("{post}{body}{post}{body}"));
    let (first, second) = (connection.read(), connection.read());
    assert_embeds(&first, &NAMES[..1]);
    assert_near(&first.embeddings()[0], &second.embeddings()[0]);
}
