//! `/similarity` and `/duplicates`: photos and vectors compared with one another, exactly.

use serde_json::{Value, json};

use crate::{
    service::{CAT, base64, form, photo, shared},
    support::cosine,
};

/// Two of the same picture, another one, and the first again with fewer pixels.
const PHOTOS: [&str; 4] = ["cat.png", "cat.gif", "coffee-422-q50.jpg", "cat-thumbnail.jpg"];

fn photos() -> Vec<String> {
    PHOTOS.iter().map(|name| base64(&photo(name))).collect()
}

fn embeddings() -> Vec<Vec<f32>> {
    shared().post_json("/embed", &json!({ "images": photos() })).embeddings()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn cosines_of_photos_are_those_of_their_embeddings() {
    let embeddings = embeddings();
    let answer = shared().post_json("/similarity", &json!({ "images": photos() }));
    assert!(answer.header("server-timing").is_some());
    let answer = answer.with_status(200);
    assert_eq!(answer["count"], 4);
    for (a, row) in answer["cosines"].as_array().unwrap().iter().enumerate() {
        for (b, found) in numbers(row).into_iter().enumerate() {
            let expected = cosine(&embeddings[a], &embeddings[b]);
            assert!((found - expected).abs() < 1e-6, "{a} {b}: {found} {expected}");
        }
    }
    let pairs = json!({ "images": photos(), "pairs": [[0, 1], [3, 2]] });
    let found = numbers(&shared().post_json("/similarity", &pairs).with_status(200)["cosines"]);
    assert!((found[0] - cosine(&embeddings[0], &embeddings[1])).abs() < 1e-6);
    assert!((found[1] - cosine(&embeddings[3], &embeddings[2])).abs() < 1e-6);
}

#[test]
fn vectors_are_compared_without_photos() {
    let vectors = json!({ "vectors": [[3, 4], [0, 10], [-3, -4]] });
    let answer = shared().post_json("/similarity", &vectors).with_status(200);
    let expected = json!([[1.0, 0.8, -1.0], [0.8, 1.0, -0.8], [-1.0, -0.8, 1.0]]);
    for (row, expected) in
        answer["cosines"].as_array().unwrap().iter().zip(expected.as_array().unwrap())
    {
        for (found, expected) in numbers(row).into_iter().zip(numbers(expected)) {
            assert!((found - expected).abs() < 1e-6, "{answer}");
        }
    }
}

#[test]
fn duplicates_are_grouped_with_the_best_of_each_group() {
    let embeddings = embeddings();
    let body = json!({ "images": photos(), "threshold": 0.99 });
    let answer = shared().post_json("/duplicates", &body).with_status(200);
    assert_eq!((&answer["threshold"], &answer["count"]), (&json!(0.99), &json!(4)));
    let groups = answer["groups"].as_array().unwrap();
    assert!(!groups.is_empty(), "{answer}");
    let mut seen = Vec::new();
    for group in groups {
        let members = group["members"].as_array().unwrap();
        let index = |member: &Value| member["index"].as_u64().unwrap() as usize;
        let best = group["representative"].as_u64().unwrap() as usize;
        assert!(members.iter().any(|member| index(member) == best));
        let pixels =
            |member: &Value| member["width"].as_u64().unwrap() * member["height"].as_u64().unwrap();
        let most = members.iter().map(pixels).max().unwrap();
        let representative = members.iter().find(|member| index(member) == best).unwrap();
        assert_eq!(pixels(representative), most, "the best has most pixels");
        assert_eq!(representative["hash_distance"], 0);
        for member in members {
            let expected = cosine(&embeddings[index(member)], &embeddings[best]);
            assert!((member["cosine"].as_f64().unwrap() - expected).abs() < 1e-6);
            assert!(member["nearest"].as_f64().unwrap() >= 0.99 - 1e-6);
            assert!(member["bytes"].as_u64().unwrap() > 0);
            assert_eq!(member["hash"].as_str().unwrap().len(), 16);
            seen.push(index(member));
        }
    }
    seen.extend(answer["unique"].as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize));
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2, 3], "each stands in one place");
}

#[test]
fn a_form_with_a_broken_photo_leaves_it_out_where_it_may() {
    let (cat, broken) = (photo("cat.png"), b"no photo".to_vec());
    let fields: Vec<_> =
        [&cat, &broken, &cat].map(|photo| ("files", Some("a"), &photo[..])).to_vec();
    let (content_type, body) = form(&fields);
    let error = shared().post("/duplicates", &content_type, &body).with_status(400);
    assert_eq!((&error["code"], &error["index"]), (&json!("unknown_image_format"), &json!(1)));
    let path = "/duplicates?on_error=skip&threshold=0.999";
    let answer = shared().post(path, &content_type, &body).with_status(200);
    let members = answer["groups"][0]["members"].as_array().unwrap();
    assert_eq!(members.iter().map(|m| m["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(members[1]["likeness"], "identical");
    assert_eq!(answer["errors"][0]["index"], 1);
    assert_eq!((&answer["unique"], &answer["threshold"]), (&json!([]), &json!(0.999)));
}

#[test]
fn vectors_are_grouped_by_chains_of_near_ones() {
    let vectors = [[1., 0.], [1., 0.3], [1., 0.6], [-1., 0.1]];
    let body = json!({ "vectors": vectors, "threshold": 0.95 });
    let answer = shared().post_json("/duplicates", &body).with_status(200);
    let members = answer["groups"][0]["members"].as_array().unwrap();
    let indices: Vec<_> = members.iter().map(|member| member["index"].as_u64().unwrap()).collect();
    assert_eq!((indices, &answer["unique"]), (vec![0, 1, 2], &json!([3])));
    // The middle one is the nearest to the others.
    assert_eq!(answer["groups"][0]["representative"], 1);
    assert!(members[0].get("hash").is_none(), "nothing is known of vectors");
    assert_eq!(
        shared().post_json("/duplicates", &json!({ "vectors": vectors })).with_status(200)["threshold"],
        0.95
    );
}

#[test]
fn what_cannot_be_compared_is_refused_by_its_field() {
    let photo = base64(&CAT);
    for (path, body, field) in [
        ("/similarity", json!({}), "images"),
        ("/similarity", json!({ "vectors": [] }), "vectors"),
        ("/similarity", json!({ "vectors": [[1, 2], [1]] }), "vector 1"),
        ("/similarity", json!({ "vectors": [[0, 0]] }), "vector 0"),
        ("/similarity", json!({ "vectors": [[1]], "images": [photo] }), "vectors"),
        ("/similarity", json!({ "images": [photo], "pairs": [[0, 1]] }), "pairs"),
        ("/similarity", json!({ "vectors": [[1]], "pairs": [[0]] }), "array of length 2"),
        ("/similarity", json!({ "vectors": vec![[1]; 600] }), "limit of 262144"),
        ("/duplicates", json!({ "vectors": [[1]], "threshold": 2 }), "threshold"),
        ("/duplicates", json!({ "vectors": [[1]], "threshold": "high" }), "threshold"),
        ("/duplicates", json!({ "vectors": vec![[1]; 10_001] }), "10000"),
        (
            "/duplicates",
            json!({ "vectors": [vec![1; 8193]] }),
            "vector 0 has more than 8192 numbers",
        ),
        ("/duplicates", json!({ "vectors": vec![vec![1; 8192]; 1251] }), "10240000 numbers"),
        ("/similarity", json!({ "vectors": vec![vec![1; 8192]; 182] }), "the limit of 32768"),
        (
            "/similarity",
            json!({ "vectors": [[1]], "pairs": vec![[0, 0]; 262_145] }),
            "262144 pairs",
        ),
        (
            "/similarity",
            json!({ "vectors": [vec![1; 8192]], "pairs": vec![[0, 0]; 32_769] }),
            "the limit of 32768",
        ),
    ] {
        let error = shared().post_json(path, &body).with_status(422);
        assert_eq!(error["code"], "invalid_request");
        assert!(error["detail"].to_string().contains(field), "{path} {field}: {error}");
    }
    for (path, body, loc) in [
        ("/similarity", json!({ "vectors": [[1, "a"]] }), json!(["body", "vectors", 0, 1])),
        ("/similarity", json!({ "vectors": [[1]], "pairs": [[0]] }), json!(["body", "pairs", 0])),
        ("/similarity", json!({ "images": [1] }), json!(["body", "images", 0])),
        ("/duplicates", json!({ "images": [photo], "on_error": 1 }), json!(["body", "on_error"])),
        (
            "/duplicates",
            json!({ "images": [photo], "model_name": 1 }),
            json!(["body", "model_name"]),
        ),
    ] {
        let error = shared().post_json(path, &body).with_status(422);
        assert_eq!(error["detail"][0]["loc"], loc, "{path}: {error}");
    }
    let too_many = json!({ "images": vec![photo; 257] });
    let error = shared().post_json("/duplicates", &too_many).with_status(413);
    assert_eq!(error["code"], "too_many_images");
}

#[test]
fn the_query_of_duplicates_names_a_model_and_the_body_comes_first() {
    let vectors = json!({ "vectors": [[1, 0], [0, 1]] });
    let path = "/duplicates?model_name=another";
    assert_eq!(shared().post_json(path, &vectors).with_status(400)["code"], "other_model");
    let (content_type, body) = form(&[("files", Some("a"), &CAT[..])]);
    let path = "/duplicates?pretrained=another";
    assert_eq!(shared().post(path, &content_type, &body).with_status(400)["code"], "other_model");
    let info = shared().get("/model-info").with_status(200);
    let named = json!({ "vectors": [[1, 0], [0, 1]], "model_name": info["model_name"] });
    shared().post_json("/duplicates?model_name=another", &named).with_status(200);
}

#[test]
fn many_who_compare_at_once_all_have_their_answer() {
    let body = json!({ "vectors": [[1, 0], [1, 0.1], [0, 1]] });
    std::thread::scope(|scope| {
        for path in ["/duplicates", "/similarity"].repeat(8) {
            let body = &body;
            scope.spawn(move || shared().post_json(path, body).with_status(200));
        }
    });
}
