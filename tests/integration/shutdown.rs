//! SIGTERM and Ctrl-C finish what runs, start nothing new, and end with exit status 0.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::service::{Service, SilentHub, base64, photo};

/// What ends without waiting for anything takes less, on a slow machine too.
const PROMPT: Duration = Duration::from_secs(5);

/// A request of so many photos of 12 megapixels: 8 take more than a second.
fn request(photos: usize) -> String {
    json!({"images": vec![base64(&photo("coffee-12mp.jpg")); photos]}).to_string()
}

fn await_stopping(service: &Service) {
    let message = "stopping: running requests are finished first";
    service.await_log("stopping", |line| line["message"] == message);
}

#[test]
fn a_request_that_is_being_computed_is_answered_first() {
    let mut service = Service::random(&[]);
    let body = request(8);
    let mut client = service.connect();
    client.begin("/embed/base64", "application/json", body.len());
    client.write(&body);
    service.signal("INT");
    assert_eq!(client.read().embeddings().len(), 8);
    assert_eq!(service.exit().code(), Some(0));
}

#[test]
fn a_request_that_is_being_read_is_answered_first() {
    let mut service = Service::random(&[]);
    let body = request(1);
    let mut client = service.connect();
    client.begin("/embed/base64", "application/json", body.len());
    service.signal("TERM");
    await_stopping(&service);
    client.write(&body);
    assert_eq!(client.read().embeddings().len(), 1);
    assert_eq!(service.exit().code(), Some(0));
    assert!(TcpStream::connect(service.api).is_err(), "nobody listens any more");
}

#[test]
fn an_idle_service_ends_at_once_whoever_is_connected() {
    for signal in ["TERM", "INT"] {
        let mut service = Service::random(&[]);
        let mut kept_alive = service.connect();
        kept_alive.write("GET /health HTTP/1.1\r\nhost: a\r\n\r\n");
        assert_eq!(kept_alive.read().status, 200);
        let silent = service.connect();
        // The silent connection has been accepted when one after it is answered.
        assert_eq!(service.get("/health").status, 200);
        let start = Instant::now();
        service.signal(signal);
        assert_eq!(service.exit().code(), Some(0), "{signal}");
        assert!(start.elapsed() < PROMPT, "{signal}: {:?}", start.elapsed());
        drop(silent);
    }
}

#[test]
fn a_service_that_waits_for_its_weights_ends_at_once() {
    let hub = SilentHub::new();
    let mut service = Service::starting(&hub);
    let start = Instant::now();
    service.signal("TERM");
    assert_eq!(service.exit().code(), Some(0));
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
}

#[test]
fn a_second_signal_does_not_wait_for_requests() {
    let mut service = Service::random(&[]);
    let mut client = service.connect();
    client.begin("/embed/base64", "application/json", 1000);
    service.signal("TERM");
    await_stopping(&service);
    service.signal("INT");
    assert_eq!(service.exit().code(), Some(1));
}
