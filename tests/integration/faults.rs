//! What a fault of our own costs: the image or the batch that it met, and nothing else.

use std::{
    thread,
    time::{Duration, Instant},
};

use inference_service::faults;
use serde_json::json;

use crate::service::{CAT, Service, base64};

/// A plain PNG of one colour.
fn plain(colour: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 224, 224);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&colour.repeat(224 * 224)).unwrap();
    writer.finish().unwrap();
    file
}

fn panics(service: &Service, place: &str) -> usize {
    let metrics = service.get("/metrics");
    let series = format!("panics_total{{place=\"{place}\"}} ");
    let line = metrics.text().lines().find(|line| line.contains(&series)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[test]
fn a_panic_in_a_decoder_costs_its_own_image() {
    let service = Service::random(&[]);
    let reply = service.post("/embed", "image/png", &plain(faults::DECODER_PANICS));
    assert_eq!(reply.with_status(500)["code"], "decoder_failed");
    let id = reply.header("x-request-id").unwrap();
    service.await_log("the panic", |line| {
        line["level"] == "ERROR" && line["span"]["id"] == id && line["panic"].is_string()
    });
    let images = [base64(&plain(faults::DECODER_PANICS)), base64(&CAT)];
    let answer = service.post_json("/embed", &json!({"images": images, "on_error": "skip"}));
    assert!(answer.with_status(200)["embeddings"][1].is_array());
    assert_eq!(panics(&service, "decoder"), 2);
    service.embeds_as_ever();
}

#[test]
fn a_failure_of_the_model_costs_its_batch_and_three_in_a_row_make_it_unready_for_a_while() {
    let service = Service::random(&[]);
    for fault in [faults::MODEL_PANICS, faults::MODEL_FAILS] {
        let reply = service.post("/embed", "image/png", &plain(fault));
        assert_eq!(reply.with_status(500)["code"], "model_failed");
        assert!(reply.header("x-request-id").is_some());
        assert_eq!(service.get("/readyz").status, 200);
    }
    assert_eq!(panics(&service, "model"), 1);
    service.embeds_as_ever();
    for _ in 0..3 {
        let reply = service.post("/embed", "image/png", &plain(faults::MODEL_PANICS));
        assert_eq!(reply.status, 500);
    }
    let failing = service.get("/readyz").with_status(503);
    assert_eq!(failing, json!({"status": "failing"}));
    assert_eq!(service.get("/livez").status, 200);
    // It tries again by itself.
    service.await_log("ready again", |line| line["message"] == "the model works again; ready");
    assert_eq!(service.get("/readyz").status, 200);
    service.embeds_as_ever();
}

#[test]
fn a_lost_worker_ends_the_process_with_an_error() {
    let mut service = Service::random(&[]);
    let mut client = service.connect();
    let photo = plain(faults::WORKER_ENDS);
    client.write(format!(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n",
        photo.len()
    ));
    client.write(photo);
    assert_eq!(service.exit().code(), Some(1));
    service.await_log("why", |line| {
        line["error"].as_str().is_some_and(|error| error.contains("a thread of the model died"))
    });
}

#[test]
fn a_model_that_is_stuck_is_seen_after_a_minute_and_one_that_is_busy_is_not() {
    let service = Service::random(&[]);
    let (mut client, photo) = (service.connect(), plain(faults::MODEL_STUCK));
    client.write(format!(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n",
        photo.len()
    ));
    client.write(photo);
    let start = Instant::now();
    let dead = loop {
        let livez = service.get("/livez");
        assert_eq!(service.get("/readyz").status, 200);
        if livez.status == 503 {
            assert_eq!(livez.json(), json!({"status": "stuck"}));
            break start.elapsed();
        }
        assert!(start.elapsed() < faults::STUCK, "nobody has seen it");
        thread::sleep(Duration::from_millis(250));
    };
    assert!((55..=70).contains(&dead.as_secs()), "{dead:?}");
    client.read().embeddings();
    // It moves again.
    assert_eq!(service.get("/livez").status, 200);
    service.embeds_as_ever();
}
