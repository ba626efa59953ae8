//! OpenAI's embeddings protocol, with what Infinity and NIM add to it: the same vectors as on the
//! native routes, in order, and errors as the SDKs parse them.

mod errors;
mod telling;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    service::{CAT, assert_near, base64, photo, shared},
    support::norm,
};

/// A photo as clients of this protocol send it.
fn uri(photo: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64(photo))
}

/// The answer to `body` on `/v1/embeddings`.
#[track_caller]
fn answered(body: &Value) -> Value {
    shared().post_json("/v1/embeddings", body).with_status(200)
}

/// The embeddings of an answer, in the order of their places.
#[track_caller]
fn embeddings(answer: &Value) -> Vec<Vec<f32>> {
    let data = answer["data"].as_array().unwrap().iter().enumerate();
    let embedding = |(index, item): (usize, &Value)| {
        assert_eq!((&item["object"], &item["index"]), (&json!("embedding"), &json!(index)));
        match item["embedding"].as_str() {
            Some(text) => {
                let bytes = STANDARD.decode(text).unwrap();
                let numbers = bytes.chunks_exact(4);
                numbers.map(|number| f32::from_le_bytes(number.try_into().unwrap())).collect()
            }
            None => serde_json::from_value(item["embedding"].clone()).unwrap(),
        }
    };
    data.map(embedding).collect()
}

fn of_photos(photos: &[&[u8]]) -> Vec<Vec<f32>> {
    let images: Vec<_> = photos.iter().map(|photo| base64(photo)).collect();
    shared().post_json("/embed/base64", &json!({"images": images})).embeddings()
}

fn of_texts(texts: &[&str]) -> Vec<Vec<f32>> {
    shared().post_json("/embed/text", &json!({"texts": texts})).embeddings()
}

#[test]
fn texts_and_photos_are_embedded_in_their_order_as_on_the_native_routes() {
    let rocket = photo("rocket-tall.png");
    let input = json!(["a cat", uri(&CAT), uri(&rocket), "a rocket, \"tall\""]);
    let answer = answered(&json!({"model": "text-embedding-3-small", "input": input}));
    let (photos, texts) = (of_photos(&[&CAT, &rocket]), of_texts(&["a cat", "a rocket, \"tall\""]));
    let found = embeddings(&answer);
    assert_eq!(found.len(), 4);
    for (found, expected) in found.iter().zip([&texts[0], &photos[0], &photos[1], &texts[1]]) {
        assert_near(found, expected);
    }
    assert_eq!((&answer["object"], &answer["model"]), (&json!("list"), &json!("ViT-B-32")));
    assert!(answer["id"].as_str().unwrap().starts_with("emb-"));
    assert!(answer["created"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn a_string_alone_is_a_list_of_one() {
    assert_near(&embeddings(&answered(&json!({"input": "a cat"})))[0], &of_texts(&["a cat"])[0]);
    assert_near(&embeddings(&answered(&json!({"input": uri(&CAT)})))[0], &of_photos(&[&CAT])[0]);
}

#[test]
fn base64_has_the_numbers_of_float() {
    let mut body = json!({"input": ["a cat", uri(&CAT)], "encoding_format": "float"});
    let float = embeddings(&answered(&body));
    body["encoding_format"] = "base64".into();
    let answer = answered(&body);
    assert!(answer["data"][0]["embedding"].is_string());
    for (base64, float) in embeddings(&answer).iter().zip(&float) {
        assert_eq!(base64.len(), 512);
        assert_near(base64, float);
    }
}

#[test]
fn dimensions_keep_the_first_numbers_and_the_norm() {
    let all = of_photos(&[&CAT]).remove(0);
    for kept in [1, 2, 256, 511, 512] {
        let body = json!({"input": uri(&CAT), "dimensions": kept});
        let found = embeddings(&answered(&body)).remove(0);
        let length = norm(&all[..kept]) as f32;
        let expected: Vec<_> = all[..kept].iter().map(|number| number / length).collect();
        assert_near(&found, &expected);
        assert!((norm(&found) - 1.).abs() < 1e-6);
    }
    for none in [json!(0), json!(null)] {
        let found = embeddings(&answered(&json!({"input": uri(&CAT), "dimensions": none})));
        assert_near(&found[0], &all);
    }
}

#[test]
fn usage_counts_what_the_towers_read() {
    let usage = |input: Value| answered(&json!({"input": input}))["usage"].clone();
    let tokens = |input: Value| usage(input)["prompt_tokens"].as_u64().unwrap();
    // 7 x 7 patches and the class token.
    let photo = uri(&CAT);
    assert_eq!(usage(json!([photo])), json!({"prompt_tokens": 50, "total_tokens": 50}));
    let (cat, dog) = (tokens(json!("a cat")), tokens(json!("dogs, and dogs")));
    assert!(cat >= 3 && dog > cat, "{cat} {dog}");
    assert_eq!(tokens(json!(["a cat", photo, "dogs, and dogs", photo])), cat + dog + 100);
}

#[test]
fn a_modality_says_what_strings_are() {
    let (cat, photo) = (of_photos(&[&CAT]).remove(0), uri(&CAT));
    let found = |input: Value, modality: Value| {
        embeddings(&answered(&json!({"input": input, "modality": modality})))
    };
    for found in found(json!([photo, base64(&CAT)]), json!("image")) {
        assert_near(&found, &cat);
    }
    assert_near(&found(json!(["a cat"]), json!("text"))[0], &of_texts(&["a cat"])[0]);
    assert_near(&found(json!(["a cat"]), json!(null))[0], &of_texts(&["a cat"])[0]);
    // A text, whatever it looks like.
    let text = found(json!(["data:image/png;base64,AA=="]), json!("text"));
    assert_near(&text[0], &of_texts(&["data:image/png;base64,AA=="])[0]);
    // One for each, as in NIM.
    let each = found(json!([base64(&CAT), "a cat"]), json!(["image", "text"]));
    assert_near(&each[0], &cat);
    assert_near(&each[1], &of_texts(&["a cat"])[0]);
}

#[test]
fn infinitys_routes_are_the_same() {
    let body = json!({"input": [uri(&CAT)], "model": "default/not-specified", "user": null});
    let expected = of_photos(&[&CAT]).remove(0);
    for path in ["/embeddings", "/v1/embeddings", "/embeddings_image", "/v1/embeddings_image"] {
        let answer = shared().post_json(path, &body).with_status(200);
        assert_near(&embeddings(&answer)[0], &expected);
    }
    let alone = json!({"input": base64(&CAT)});
    let answer = shared().post_json("/embeddings_image", &alone).with_status(200);
    assert_near(&embeddings(&answer)[0], &expected);
}

#[test]
fn what_is_unknown_is_ignored() {
    let body = json!({
        "input": "a cat", "model": ["any"], "user": 7, "input_type": "query", "priority": {"a": [1]},
        "embedding_type": "float", "truncate": "END", "encoding_format": null, "modality": null,
    });
    assert_near(&embeddings(&answered(&body))[0], &of_texts(&["a cat"])[0]);
    let reply = shared().post("/v1/embeddings", "text/plain", body.to_string().as_bytes());
    assert_eq!(reply.status, 200);
    assert!(reply.header("server-timing").unwrap().starts_with("queue;dur="));
}
