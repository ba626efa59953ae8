//! Whatever is wrong, its client is told in the protocol's own shape.

use serde_json::{Value, json};

use super::{SQUARE, bytes, elements, error, head, infer, squares, tiny};
use crate::service::{Reply, photo};

const INFER: &str = "/v2/models/clip_vit_b32/infer";

/// A good request, in JSON and the bytes after it.
fn good() -> (Value, Vec<u8>) {
    (head("image", "FP32", &json!([1, 3, 16, 16]), SQUARE, true), bytes(&squares(1)))
}

/// The answer to a good request of which one thing is changed.
fn changed(change: impl FnOnce(&mut Value)) -> Reply {
    let (mut head, raw) = good();
    change(&mut head);
    infer(tiny(), "clip_vit_b32", &head, &raw)
}

#[test]
fn unknown_models_and_versions_are_named_with_those_that_there_are() {
    for (path, what) in [
        ("/v2/models/resnet", "'resnet' is not found; the models are openclip_vit_b32,"),
        ("/v2/models/clip_vit_b32/versions/2", "'clip_vit_b32' version 2 is not found"),
        ("/v2/models/resnet/ready", "'resnet' is not found"),
        ("/v2/models/resnet/config", "'resnet' is not found"),
        ("/v2/models/resnet/stats", "'resnet' is not found"),
        ("/v2/models/%FF", "is not found"),
        ("/v2/nothing", "Not Found"),
        ("/v2/", "Not Found"),
    ] {
        let message = error(&tiny().get(path), 404);
        assert!(message.contains(what), "{path}: {message}");
    }
    let (head, raw) = good();
    assert!(error(&infer(tiny(), "resnet", &head, &raw), 404).contains("resnet"));
    assert_eq!(error(&tiny().get(INFER), 405), "Method Not Allowed");
    let long = format!("/v2/models/{}", "a".repeat(5000));
    assert!(error(&tiny().get(&long), 404).len() < 400);
}

#[test]
fn loading_is_refused() {
    for call in ["load", "unload"] {
        let path = format!("/v2/repository/models/clip_vit_b32/{call}");
        let message = error(&tiny().send("POST", &path, &[], b""), 400);
        assert!(message.contains("one process has one model"), "{message}");
    }
}

#[test]
fn inputs_and_outputs_must_be_those_of_the_model() {
    let input = |field: &'static str, value: Value| {
        move |head: &mut Value| head["inputs"][0][field] = value
    };
    let output = |field: &'static str, value: Value| {
        move |head: &mut Value| head["outputs"][0][field] = value
    };
    let message = |reply: Reply| error(&reply, 400);
    for (found, expected) in [
        (
            message(changed(input("name", json!("images")))),
            "unexpected inference input 'images' for model 'clip_vit_b32': it takes 'image'",
        ),
        (
            message(changed(input("datatype", json!("FP16")))),
            "input 'image' of model 'clip_vit_b32' has the datatype FP32, not 'FP16'",
        ),
        (
            message(changed(output("name", json!("logits")))),
            "unexpected inference output 'logits' for model 'clip_vit_b32': it has 'embedding'",
        ),
        (
            message(changed(|head| head["inputs"] = json!([]))),
            "expected 1 input but got 0 for model 'clip_vit_b32': it takes 'image' alone",
        ),
        (
            message(changed(|head| head["inputs"] = json!([head["inputs"][0], head["inputs"][0]]))),
            "expected 1 input but got 2 for model 'clip_vit_b32': it takes 'image' alone",
        ),
        (
            message(changed(output("parameters", json!({"classification": 3})))),
            "the classification extension is not served here",
        ),
        (
            message(changed(input("parameters", json!({"shared_memory_region": "a"})))),
            "shared memory is not served here",
        ),
        (
            message(changed(output("parameters", json!({"shared_memory_region": "a"})))),
            "shared memory is not served here",
        ),
        (
            message(changed(|head| head["id"] = json!("a".repeat(1025)))),
            "id has 1025 bytes, the most is 1024",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn shapes_must_be_the_models_with_at_least_one_element() {
    for shape in [
        json!([]),
        json!([0, 3, 16, 16]),
        json!([-1, 3, 16, 16]),
        json!([1, 3, 224, 224]),
        json!([1, 3, 16]),
        json!([3, 16, 16]),
        json!([1, 16, 16, 3]),
        json!([1, 3, 16, 16, 1]),
        json!([i64::MAX, 3, 16, 16]),
    ] {
        let reply = changed(|head| head["inputs"][0]["shape"] = shape.clone());
        match shape[0].as_i64() {
            Some(i64::MAX) => assert!(error(&reply, 413).contains("(--max-images)")),
            _ => {
                let message = error(&reply, 400);
                let expected = "input 'image' of model 'clip_vit_b32' has the shape [N,3,16,16], N at \
                                least 1, not [";
                assert!(message.starts_with(expected), "{message}");
            }
        }
    }
    let raw = elements(&[b"x"]);
    let head = head("image", "BYTES", &json!([1, 2]), raw.len(), true);
    let message = error(&infer(tiny(), "clip_vit_b32_jpeg", &head, &raw), 400);
    assert!(message.contains("has the shape [N] or [N,1]"), "{message}");
}

#[test]
fn batches_and_bodies_have_limits() {
    let raw = bytes(&squares(9));
    let head = head("image", "FP32", &json!([9, 3, 16, 16]), raw.len(), true);
    let message = error(&infer(tiny(), "clip_vit_b32", &head, &raw), 413);
    assert!(
        message.contains("9 inputs in one request")
            && message.contains("the limit is 8 (--max-images)")
    );
    let message = error(&tiny().send("POST", INFER, &[], &vec![b' '; (1 << 20) + 1]), 413);
    assert!(message.contains("(--max-body-bytes)"), "{message}");
}

#[test]
fn sizes_must_add_up() {
    let (head, raw) = good();
    let send = |head: &Value, raw: &[u8]| error(&infer(tiny(), "clip_vit_b32", head, raw), 400);
    let size = |size: Value| {
        let mut head = head.clone();
        head["inputs"][0]["parameters"] = json!({"binary_data_size": size});
        head
    };
    let data = |data: Value| {
        let mut head = head.clone();
        head["inputs"][0]["parameters"] = Value::Null;
        head["inputs"][0]["data"] = data;
        head
    };
    for (found, expected) in [
        (send(&head, &raw[..SQUARE - 1]), "says it has 3072 bytes, but 3071 follow the JSON"),
        (send(&head, &[&raw[..], b"!"].concat()), "says it has 3072 bytes, but 3073 follow"),
        (
            send(&size(json!(3068)), &raw[..3068]),
            "has 3068 bytes, its shape and datatype take 3072",
        ),
        (send(&size(json!(-1)), &raw), "invalid value"),
        (send(&size(json!("3072")), &raw), "invalid type"),
        (send(&size(Value::Null), b""), "has neither data nor a binary_data_size"),
        (send(&data(json!([1.5])), &raw), "has data, but 3072 bytes follow the JSON"),
        (send(&data(json!([1.5])), b""), "has fewer elements in its data than its shape, 768"),
        (send(&data(json!(vec![0.25; 767])), b""), "has 767 numbers, its shape has 768"),
        (send(&data(json!(vec![0.25; 769])), b""), "has more elements in its data than its shape"),
        (send(&data(json!(vec!["1"; 768])), b""), "expected numbers"),
        (send(&data(json!("0.5".repeat(900))), b""), "has data that is no list"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
    let mut both = head.clone();
    both["inputs"][0]["data"] = json!([1.5]);
    assert!(send(&both, &raw).contains("has data and a binary_data_size"));
}

#[test]
fn the_length_of_the_json_must_be_one() {
    let (head, raw) = good();
    let body = [head.to_string().as_bytes(), &raw].concat();
    for length in ["-1", "1e3", "99999999999999999999999", "x", "", &(body.len() + 1).to_string()] {
        let headers = [("inference-header-content-length", length)];
        let message = error(&tiny().send("POST", INFER, &headers, &body), 400);
        let expected = format!("Inference-Header-Content-Length is {length}, but the body has");
        assert!(message.starts_with(&expected), "{message}");
    }
    // Too short or too long for the JSON, and none.
    for length in [1, head.to_string().len() - 1, head.to_string().len() + 1] {
        let headers = [("inference-header-content-length", &*length.to_string())];
        error(&tiny().send("POST", INFER, &headers, &body), 400);
    }
    error(&tiny().send("POST", INFER, &[], &body), 400);
}

#[test]
fn elements_must_be_whole_photos_or_texts() {
    let send = |raw: &[u8], count: usize| {
        let head = head("image", "BYTES", &json!([count]), raw.len(), true);
        error(&infer(tiny(), "clip_vit_b32_jpeg", &head, raw), 400)
    };
    let file = photo("cat-224.png");
    let two = elements(&[&file, &file]);
    for (found, expected) in [
        (send(&two, 3), "input 'image' ends before element 2 of 3"),
        (send(&two, 1), "bytes after its 1 elements"),
        (send(b"\xff\xff\xff\xffabc", 1), "says that element 0 has 4294967295 bytes and has 3"),
        (send(b"\x01\0", 1), "ends before element 0 of 1"),
        (send(&elements(&[&file, b""]), 2), "Failed to decode image 1: the image is empty"),
        (send(&elements(&[&file, b"no photo"]), 2), "Failed to decode image 1: not an image"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
    let raw = elements(&[b"a", b"\xff"]);
    let head = head("text", "BYTES", &json!([2]), raw.len(), true);
    let message = error(&infer(tiny(), "clip_vit_b32_text", &head, &raw), 400);
    assert_eq!(message, "element 1 of input 'text' is not UTF-8");
    let raw = elements(&[b"a"]);
    let head = super::head("text", "BYTES", &json!([1]), raw.len(), true);
    let message = error(&infer(tiny(), "clip_vit_b32_text", &head, &raw), 400);
    assert!(message.contains("has no text tower"), "{message}");
}
