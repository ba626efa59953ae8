//! Answers are compressed for those who ask for it, where that saves something, and are for all others
//! what they were.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::json;

use super::plain;
use crate::{
    connections::http2,
    service::{CAT, Reply, base64, shared},
};

/// An answer that is the same each time and large.
const LARGE: &str = "/openapi.json";

fn get(path: &str, accept: Option<&str>) -> Reply {
    let headers: Vec<_> = accept.map(|accept| ("accept-encoding", accept)).into_iter().collect();
    shared().send("GET", path, &headers, b"")
}

#[test]
fn an_answer_is_in_the_coding_that_is_liked_best() {
    let whole = get(LARGE, None);
    for (accept, coding) in [
        ("gzip", "gzip"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=1, zstd;q=0.5", "gzip"),
        ("*;q=0.3", "zstd"),
    ] {
        let reply = get(LARGE, Some(accept));
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-encoding"), Some(coding), "{accept}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"));
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let length = reply.body.len();
        assert_eq!(reply.header("content-length"), Some(&*length.to_string()));
        assert!(length < whole.body.len() / 2, "{length} of {}", whole.body.len());
        assert_eq!(plain(coding, &reply.body), whole.body);
    }
}

#[test]
fn who_does_not_ask_gets_what_there_always_was() {
    let whole = get(LARGE, None);
    for accept in [None, Some(""), Some("identity"), Some("br"), Some("gzip;q=0, zstd;q=0.0")] {
        let reply = get(LARGE, accept);
        assert_eq!(reply.header("content-encoding"), None, "{accept:?}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"));
        assert_eq!(reply.header("content-length"), Some(&*whole.body.len().to_string()));
        assert_eq!(reply.body, whole.body);
    }
}

#[test]
fn small_answers_and_photos_are_sent_as_they_are() {
    for path in ["/readyz", "/model-info", "/nowhere", "/docs/favicon-32x32.png"] {
        let reply = get(path, Some("gzip, zstd"));
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        assert_eq!(reply.header("vary"), None, "{path}");
        assert_eq!(reply.body, get(path, None).body, "{path}");
    }
    for path in ["/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/metrics"] {
        let reply = get(path, Some("gzip"));
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{path}");
        assert!(plain("gzip", &reply.body).len() > reply.body.len(), "{path}");
    }
}

#[test]
fn a_head_is_that_of_the_answer() {
    for accept in [None, Some("gzip"), Some("zstd")] {
        let headers: Vec<_> =
            accept.map(|accept| ("accept-encoding", accept)).into_iter().collect();
        let head = shared().send("HEAD", LARGE, &headers, b"");
        let reply = get(LARGE, accept);
        assert!(head.body.is_empty());
        for name in ["content-encoding", "content-length", "content-type", "vary"] {
            assert_eq!(head.header(name), reply.header(name), "{name} for {accept:?}");
        }
    }
}

#[test]
fn embeddings_come_compressed_with_all_that_belongs_to_them() {
    let body = json!({"images": vec![base64(&CAT); 3]}).to_string();
    let send = |accept: &str| {
        let headers = [("content-type", "application/json"), ("accept-encoding", accept)];
        shared().send("POST", "/embed", &headers, body.as_bytes())
    };
    let whole = send("identity").with_status(200);
    for coding in ["gzip", "zstd"] {
        let reply = send(coding);
        assert_eq!((reply.status, reply.header("content-encoding")), (200, Some(coding)));
        assert!(reply.header("server-timing").is_some() && reply.header("x-request-id").is_some());
        let answer: serde_json::Value =
            serde_json::from_slice(&plain(coding, &reply.body)).unwrap();
        assert_eq!(answer["count"], 3);
        assert_eq!(answer["model_info"], whole["model_info"]);
    }
}

#[test]
fn long_errors_are_compressed_like_any_answer() {
    let body = json!({"images": vec![1; 100]}).to_string();
    let headers = [("content-type", "application/json"), ("accept-encoding", "gzip")];
    let reply = shared().send("POST", "/embed", &headers, body.as_bytes());
    assert_eq!((reply.status, reply.header("content-encoding")), (422, Some("gzip")));
    let answer: serde_json::Value = serde_json::from_slice(&plain("gzip", &reply.body)).unwrap();
    assert_eq!(answer["code"], "invalid_request");
}

#[tokio::test]
async fn http2_gives_them_too() {
    let (mut client, _) = http2(shared()).await;
    let whole = get(LARGE, None).body;
    for coding in ["gzip", "zstd"] {
        let request = Request::get(format!("http://{}{LARGE}", shared().api))
            .header("accept-encoding", coding)
            .body(Full::default())
            .unwrap();
        client.ready().await.unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(plain(coding, &body), whole);
    }
}

#[test]
fn an_error_in_another_protocols_shape_is_what_its_encoding_says() {
    for coding in ["gzip", "zstd"] {
        let path = format!("/v1/models/{}", "a".repeat(3000));
        let reply = get(&path, Some(coding));
        assert_eq!(reply.status, 404);
        let body = match reply.header("content-encoding") {
            Some(coding) => plain(coding, &reply.body),
            None => reply.body,
        };
        let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(error["error"]["code"], "model_not_found");
    }
}
