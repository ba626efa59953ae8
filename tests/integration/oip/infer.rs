//! Embeddings by `/v2/models/{model}/infer`: the same as by every other route, however the tensors come
//! and go.

use serde_json::{Value, json};

use super::{SQUARE, bytes, crop, elements, embeddings, error, floats, head, infer, squares, tiny};
use crate::{
    service::{Reply, assert_near, base64, photo, shared},
    support::{difference, norm},
};

const NAMES: [&str; 2] = ["cat-224.png", "coffee-422-q50.jpg"];

/// What `/embed` gives for photos.
fn embedded() -> Vec<Vec<f32>> {
    let images: Vec<_> = NAMES.iter().map(|name| base64(&photo(name))).collect();
    shared().post_json("/embed/base64", &json!({"images": images})).embeddings()
}

/// An answer with bytes after its JSON.
#[track_caller]
fn parts(reply: &Reply) -> (Value, Vec<f32>) {
    assert_eq!(reply.status, 200, "{:?}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    let length = reply.header("inference-header-content-length").unwrap().parse().unwrap();
    let (head, raw) = reply.body.split_at(length);
    (serde_json::from_slice(head).unwrap(), floats(raw))
}

/// The bytes that tritonclient 2.73.0 sends, captured from it, but for those of the tensor.
#[test]
fn what_tritonclient_sends_is_answered_as_it_expects() {
    let head = br#"{"inputs":[{"name":"image","shape":[2,3,224,224],"datatype":"FP32","parameters":{"binary_data_size":1204224}}],"outputs":[{"name":"embedding","parameters":{"binary_data":true}}]}"#;
    assert_eq!(head.len(), 178);
    let mut connection = shared().connect();
    connection.write(
        "POST /v2/models/openclip_vit_b32/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n\
         User-Agent: geventhttpclient\r\nInference-Header-Content-Length: 178\r\n\
         Content-Length: 1204402\r\n\r\n",
    );
    connection.write(head);
    let crops = NAMES.map(crop).concat();
    connection.write(bytes(&crops));
    let (head, found) = parts(&connection.read());
    assert_eq!(
        head,
        json!({
            "model_name": "openclip_vit_b32", "model_version": "1",
            "outputs": [{"name": "embedding", "datatype": "FP32", "shape": [2, 512],
                         "parameters": {"binary_data_size": 4096}}],
        })
    );
    // Neither mean nor deviation, and the length that the model gives.
    assert_eq!(found.len(), 1024);
    for embedding in found.chunks_exact(512) {
        assert!((norm(embedding) - 1.).abs() > 0.1, "{}", norm(embedding));
    }
}

#[test]
fn a_crop_from_0_to_1_and_a_file_get_the_embedding_of_the_photo() {
    let expected = embedded();
    let crops = bytes(&NAMES.map(crop).concat());
    let tensors = head("image", "FP32", &json!([2, 3, 224, 224]), crops.len(), false);
    let of_crops = embeddings(&infer(shared(), "clip_vit_b32", &tensors, &crops));
    let files = NAMES.map(photo);
    let raw = elements(&[&files[0], &files[1]]);
    let tensors = head("image", "BYTES", &json!([2]), raw.len(), false);
    let of_files = embeddings(&infer(shared(), "clip_vit_b32_jpeg", &tensors, &raw));
    for ((expected, of_crop), of_file) in expected.iter().zip(of_crops).zip(of_files) {
        assert!(difference(expected, &of_crop) < 1e-5);
        assert_near(&of_file, expected);
    }
}

#[test]
fn the_raw_model_reads_what_the_other_makes_and_gives_its_direction() {
    let expected = embedded();
    let (mean, deviation) =
        ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]);
    let mut crops = NAMES.map(crop).concat();
    for (plane, numbers) in crops.chunks_exact_mut(224 * 224).enumerate() {
        let (mean, deviation): (f32, f32) = (mean[plane % 3], deviation[plane % 3]);
        numbers.iter_mut().for_each(|number| *number = (*number - mean) / deviation);
    }
    let crops = bytes(&crops);
    for model in ["openclip_vit_b32", "openclip_vit_b32_trt"] {
        let tensors = head("image", "FP32", &json!([2, 3, 224, 224]), crops.len(), false);
        let found = embeddings(&infer(shared(), model, &tensors, &crops));
        for (raw, expected) in found.iter().zip(&expected) {
            let length = norm(raw);
            let unit: Vec<_> = raw.iter().map(|&number| f64::from(number) / length).collect();
            assert!(difference(&unit, expected) < 1e-5);
        }
    }
}

#[test]
fn texts_get_the_embeddings_of_embed_text() {
    let texts = ["a photo of a cat", "une photo d\u{e9}velopp\u{e9}e \u{1f600}"];
    let expected = shared().post_json("/embed/text", &json!({"texts": texts})).embeddings();
    let raw = elements(&texts.map(str::as_bytes));
    for shape in [json!([2]), json!([2, 1])] {
        let tensors = head("text", "BYTES", &shape, raw.len(), false);
        let found = embeddings(&infer(shared(), "clip_vit_b32_text", &tensors, &raw));
        let nested = json!([[texts[0]], [texts[1]]]);
        for data in [json!(texts), nested] {
            let input = json!({"name": "text", "datatype": "BYTES", "shape": shape, "data": data});
            let path = "/v2/models/clip_vit_b32_text/versions/1/infer";
            let as_json = shared().post_json(path, &json!({"inputs": [input]}));
            for ((binary, json), expected) in found.iter().zip(embeddings(&as_json)).zip(&expected)
            {
                assert_near(binary, expected);
                assert_near(&json, expected);
            }
        }
    }
}

/// The answers to the same squares, in each way to send them.
#[test]
fn numbers_may_be_nested_flat_or_bytes() {
    let squares = squares(3);
    let raw = bytes(&squares);
    let shape = json!([3, 3, 16, 16]);
    let rows: Vec<_> = squares.chunks_exact(16).map(|row| json!(row)).collect();
    let planes: Vec<_> = rows.chunks_exact(16).map(|plane| json!(plane)).collect();
    let nested: Vec<_> = planes.chunks_exact(3).map(|square| json!(square)).collect();
    let expected = embeddings(&infer(
        tiny(),
        "clip_vit_b32",
        &head("image", "FP32", &shape, raw.len(), false),
        &raw,
    ));
    assert_eq!(expected.len(), 3);
    assert_ne!(expected[0], expected[1]);
    for data in [json!(squares), json!(nested)] {
        let input = json!({"name": "image", "datatype": "FP32", "shape": shape, "data": data});
        let request = json!({"inputs": [input], "outputs": []});
        let reply = tiny().post_json("/v2/models/clip_vit_b32/infer", &request);
        for (found, expected) in embeddings(&reply).iter().zip(&expected) {
            assert_near(found, expected);
        }
    }
}

#[test]
fn outputs_are_bytes_where_that_is_asked_for() {
    let raw = bytes(&squares(1));
    let path = "/v2/models/clip_vit_b32/infer";
    let ask = |parameters: Value, output: Option<bool>| {
        let mut head = head("image", "FP32", &json!([1, 3, 16, 16]), SQUARE, false);
        head["parameters"] = parameters;
        head["outputs"][0]["parameters"] = match output {
            Some(binary) => json!({"binary_data": binary}),
            None => Value::Null,
        };
        infer(tiny(), "clip_vit_b32", &head, &raw)
    };
    let by_default = |binary: bool| json!({"binary_data_output": binary, "priority": 3});
    let numbers = embeddings(&ask(Value::Null, None)).remove(0);
    for (parameters, output) in
        [(Value::Null, Some(true)), (by_default(true), None), (by_default(false), Some(true))]
    {
        let (head, found) = parts(&ask(parameters, output));
        assert_eq!(head["outputs"][0]["parameters"]["binary_data_size"], 32);
        assert!(head["outputs"][0].get("data").is_none());
        assert_near(&found, &numbers);
    }
    for (parameters, output) in
        [(Value::Null, Some(false)), (by_default(true), Some(false)), (json!({}), None)]
    {
        let reply = ask(parameters, output);
        assert_eq!(reply.header("inference-header-content-length"), None);
        assert_near(&embeddings(&reply)[0], &numbers);
    }
    // Without JSON there is nobody who could say it: bytes for bytes.
    let headers = [("Inference-Header-Content-Length", "0")];
    let (head, found) = parts(&tiny().send("POST", path, &headers, &raw));
    assert_eq!(head["outputs"][0]["shape"], json!([1, 8]));
    assert_near(&found, &numbers);
}

#[test]
fn a_body_without_json_is_one_tensor() {
    let headers = [("inference-header-content-length", "0")];
    let file = photo("cat-224.png");
    let path = "/v2/models/clip_vit_b32_jpeg/infer";
    let (_, found) = parts(&tiny().send("POST", path, &headers, &file));
    let expected = tiny().post("/embed", "image/png", &file).embeddings();
    assert_near(&found, &expected[0]);
    let path = "/v2/models/clip_vit_b32/infer";
    let reply = tiny().send("POST", path, &headers, &bytes(&squares(2)));
    assert!(error(&reply, 400).contains("has 6144 bytes, its shape and datatype take 3072"));
}

#[test]
fn files_in_json_are_base64() {
    let file = photo("cat-224.png");
    let expected = tiny().post("/embed", "image/png", &file).embeddings();
    for data in
        [json!([base64(&file)]), json!([[format!("data:image/png;base64,{}", base64(&file))]])]
    {
        let input = json!({"name": "image", "datatype": "BYTES", "shape": [1], "data": data});
        let reply =
            tiny().post_json("/v2/models/clip_vit_b32_jpeg/infer", &json!({"inputs": [input]}));
        assert_near(&embeddings(&reply)[0], &expected[0]);
    }
}

#[test]
fn the_id_comes_back_and_what_means_nothing_is_ignored() {
    let mut head = head("image", "FP32", &json!([1, 3, 16, 16]), SQUARE, false);
    let raw = bytes(&squares(1));
    assert!(infer(tiny(), "clip_vit_b32", &head, &raw).with_status(200).get("id").is_none());
    head["id"] = json!("a \u{e9}\n");
    head["parameters"] = json!({"sequence_id": 5, "custom": [1, {"a": null}]});
    head["inputs"][0]["parameters"]["custom"] = json!("x");
    head["custom"] = json!({"deep": [[[]]]});
    let reply = infer(tiny(), "clip_vit_b32", &head, &raw);
    assert_eq!(reply.with_status(200)["id"], "a \u{e9}\n");
    assert!(reply.header("server-timing").is_some() && reply.header("x-request-id").is_some());
}

#[test]
fn whole_batches_are_answered_in_their_order() {
    let squares = squares(8);
    let each: Vec<_> = squares
        .chunks_exact(SQUARE / 4)
        .map(|square| {
            let head = head("image", "FP32", &json!([1, 3, 16, 16]), SQUARE, false);
            embeddings(&infer(tiny(), "openclip_vit_b32", &head, &bytes(square))).remove(0)
        })
        .collect();
    let head = head("image", "FP32", &json!([8, 3, 16, 16]), 8 * SQUARE, true);
    let (_, found) = parts(&infer(tiny(), "openclip_vit_b32", &head, &bytes(&squares)));
    for (found, expected) in found.chunks_exact(8).zip(&each) {
        assert!(difference(found, expected) < 1e-4 * norm(expected));
    }
}
