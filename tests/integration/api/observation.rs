//! What is noted of every request: its id, its line in the log, and its metrics.

use crate::service::{Service, send, shared};

fn id_for(given: Option<&str>) -> String {
    let headers: Vec<_> = given.map(|id| ("x-request-id", id)).into_iter().collect();
    let reply = shared().send("GET", "/health", &headers, b"");
    reply.header("x-request-id").unwrap().to_owned()
}

#[test]
fn a_request_keeps_the_id_that_it_came_with() {
    let longest = "x".repeat(128);
    for id in ["7", "0af7651916cd43dd8448eb211c80319c", "a/b:c=d~!", &longest] {
        assert_eq!(id_for(Some(id)), id);
    }
}

#[test]
fn a_request_without_a_usable_id_gets_one() {
    let too_long = "x".repeat(129);
    let mut ids =
        vec![id_for(None), id_for(Some(&too_long)), id_for(Some("a b")), id_for(Some(""))];
    // Bytes that are no ASCII, which no ordinary client sends.
    let mut connection = shared().connect();
    connection.write(b"GET /health HTTP/1.1\r\nhost: a\r\nx-request-id: \xFFa\r\n\r\n");
    ids.push(connection.read().header("x-request-id").unwrap().to_owned());
    for id in &ids {
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each request has an id of its own");
}

#[test]
fn errors_have_an_id_too() {
    for (method, path, status) in
        [("GET", "/nothing", 404), ("PUT", "/health", 405), ("POST", "/embed/base64", 422)]
    {
        let reply = shared().send(method, path, &[("x-request-id", "mine")], b"");
        assert_eq!((reply.status, reply.header("x-request-id")), (status, Some("mine")));
    }
}

#[test]
fn the_log_has_one_line_a_request_with_its_id_and_code() {
    let service = Service::random(&["--log-level", "debug"]);
    service.send("POST", "/embed/base64?x=y", &[("x-request-id", "of-the-log")], b"{}");
    let line = service.await_log("request", |line| line["span"]["id"] == "of-the-log");
    assert_eq!(line["level"], "DEBUG");
    assert_eq!(line["method"], "POST");
    assert_eq!(line["route"], "/embed/base64");
    assert_eq!(line["status"], 422);
    assert_eq!(line["code"], "invalid_request");
    assert!(line["milliseconds"].is_u64());
}

#[test]
fn metrics_count_requests_by_route_never_by_path() {
    let service = shared();
    service.get("/a-path-that-nobody-made/never-a-route?secret=1");
    service.get("/model-info?a=b");
    service.send("BREW", "/model-info", &[], b"");
    service.embeds_as_ever();
    for listener in [service.api, service.admin.unwrap()] {
        let metrics = send(listener, "GET", "/metrics", &[], b"");
        assert_eq!(
            metrics.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        let text = metrics.text();
        for counter in [
            r#"http_requests_total{method="GET",route="none",status="404"} "#,
            r#"http_requests_total{method="GET",route="/model-info",status="200"} "#,
            r#"http_requests_total{method="other",route="/model-info",status="405"} "#,
            r#"http_requests_total{method="POST",route="/embed",status="200"} "#,
            r#"http_request_duration_seconds_bucket{method="POST",route="/embed",le="0.001"} "#,
            r#"inference_images_total{outcome="embedded"} "#,
            r#"inference_stage_duration_seconds_count{stage="forward"} "#,
            r#"inference_batch_size_bucket{le="32"} "#,
            "http_requests_in_flight ",
            r#"inference_model_info{model_name="ViT-B-32",pretrained="random",device="cpu",activation="gelu",precision="f32"} 1"#,
            concat!(r#"inference_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#"","#),
        ] {
            assert!(text.contains(counter), "{counter} is not in\n{text}");
        }
        assert!(
            !text.contains("never-a-route") && !text.contains("secret") && !text.contains("BREW")
        );
    }
}
