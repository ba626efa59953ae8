//! What happened is what is counted.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::json;

use super::exposition::scrape;
use crate::service::{CAT, Service, SilentHub, base64};

#[test]
fn requests_images_and_stages_are_counted() {
    let service = Service::random(&[]);
    let before = scrape(service.api);
    for _ in 0..3 {
        service.post("/embed", "image/png", &CAT).embeddings();
    }
    let images = [base64(&CAT), base64(&CAT), base64(b"no image at all")];
    let skip = json!({"images": images, "on_error": "skip"});
    service.post_json("/embed/base64", &skip).with_status(200);
    service.post_json("/embed/base64", &json!({"images": ["A"]})).with_status(400);
    service.post_json("/embed/base64", &json!({})).with_status(422);
    service.get("/nowhere").with_status(404);
    let after = scrape(service.api);

    let moved = |name: &str, labels: &[(&str, &str)]| {
        after.value(name, labels) - before.value(name, labels)
    };
    let requests = |method, route, status| {
        moved("http_requests_total", &[("method", method), ("route", route), ("status", status)])
    };
    assert_eq!(requests("POST", "/embed", "200"), 3.0);
    assert_eq!(requests("POST", "/embed/base64", "200"), 1.0);
    assert_eq!(requests("POST", "/embed/base64", "400"), 1.0);
    assert_eq!(requests("POST", "/embed/base64", "422"), 1.0);
    assert_eq!(requests("GET", "none", "404"), 1.0);
    let of_base64 = [("method", "POST"), ("route", "/embed/base64")];
    assert_eq!(moved("http_request_duration_seconds_count", &of_base64), 3.0);
    assert!(moved("http_request_duration_seconds_sum", &of_base64) > 0.0);

    let images = |outcome| moved("inference_images_total", &[("outcome", outcome)]);
    assert_eq!(images("embedded"), 5.0);
    assert_eq!(images("unknown_image_format"), 1.0);
    assert_eq!(images("invalid_base64"), 1.0);

    let times = |stage| moved("inference_stage_duration_seconds_count", &[("stage", stage)]);
    // All six requests that embed were read and parsed, the four good ones went on.
    assert_eq!((times("read"), times("parse")), (6.0, 6.0));
    assert_eq!((times("decode"), times("resize")), (5.0, 5.0));
    assert_eq!((times("queue"), times("write")), (4.0, 4.0));
    let batches = moved("inference_batch_size_count", &[]);
    assert_eq!(times("forward"), batches);
    assert!((4.0..=5.0).contains(&batches), "{batches}");
    assert_eq!(moved("inference_batch_size_sum", &[]), 5.0);

    // Nothing waits any more, nothing failed, and the one that asks is in flight.
    assert_eq!(after.value("inference_queue_depth", &[]), 0.0);
    assert_eq!(after.value("inference_queue_age_seconds", &[]), 0.0);
    assert_eq!(after.value("http_requests_in_flight", &[]), 1.0);
    for place in ["decoder", "model", "handler", "other"] {
        assert_eq!(after.value("panics_total", &[("place", place)]), 0.0);
    }

    let process = |name| after.value(name, &[]);
    assert!(process("process_resident_memory_bytes") > 300e6, "the weights alone are 350 MB");
    assert!(process("process_threads") > 2.0);
    assert!(process("process_open_fds") > 5.0);
    assert!(process("process_cpu_seconds_total") >= before.value("process_cpu_seconds_total", &[]));
    assert!(process("process_start_time_seconds") > 1.6e9);
}

#[test]
fn a_client_that_leaves_is_counted_apart() {
    let service = Service::random(&["--log-level", "debug"]);
    let labels = [("method", "POST"), ("route", "/embed/base64")];
    let abandoned = || scrape(service.api).value("http_requests_abandoned_total", &labels);
    let photos = json!({"images": vec![base64(&CAT); 128]}).to_string();
    let mut connection = service.connect();
    connection.write(format!(
        "POST /embed/base64 HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         x-request-id: leaves\r\ncontent-length: {}\r\n\r\n{photos}",
        photos.len()
    ));
    assert_eq!(abandoned(), 0.0);
    drop(connection);
    let line = service.await_log("the client left", |line| line["span"]["id"] == "leaves");
    assert_eq!((&line["level"], &line["route"]), (&json!("DEBUG"), &json!("/embed/base64")));
    assert_eq!(line["message"], "the client left");
    assert_eq!(abandoned(), 1.0);
    let answered = [labels[0], labels[1], ("status", "200")];
    assert_eq!(scrape(service.api).value("http_requests_total", &answered), 0.0);
}

#[test]
fn a_request_before_the_model_is_there_is_a_refusal() {
    let hub = SilentHub::new();
    let service = Service::starting(&hub);
    for _ in 0..7 {
        service.post("/embed", "image/png", &CAT).with_status(503);
    }
    let metrics = scrape(service.api);
    assert_eq!(metrics.value("inference_refusals_total", &[("reason", "starting")]), 7.0);
    assert_eq!(metrics.value("inference_refusals_total", &[("reason", "hopeless")]), 0.0);
}

#[test]
fn memory_is_reserved_as_long_as_a_request_has_it() {
    let service = Service::tiny(&[]);
    let reserved =
        |pool| scrape(service.api).value("inference_memory_reserved_bytes", &[("pool", pool)]);
    assert_eq!((reserved("bodies"), reserved("decodes")), (0.0, 0.0));
    let mut connection = service.connect();
    connection.begin("/embed", "image/png", 8 << 20);
    // Each body is counted twice.
    assert_eq!(reserved("bodies"), 16.0 * 1024.0 * 1024.0);
    let given_back = || {
        let start = Instant::now();
        while reserved("bodies") > 0.0 || reserved("decodes") > 0.0 {
            assert!(start.elapsed() < Duration::from_secs(20), "it is not given back");
            sleep(Duration::from_millis(20));
        }
    };
    drop(connection);
    given_back();
    service.post("/embed", "image/png", &CAT).embeddings();
    given_back();
}
