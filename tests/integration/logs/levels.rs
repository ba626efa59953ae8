//! One line a request, at the level that it deserves.

use serde_json::{Value, json};

use crate::service::{CAT, Service, SilentHub};

/// The lines about the request with this id.
fn lines(service: &Service, id: &str) -> Vec<Value> {
    service.await_log(id, |line| line["span"]["id"] == id);
    service.logged().into_iter().filter(|line| line["span"]["id"] == id).collect()
}

#[test]
fn each_request_has_one_line_with_its_id_and_code() {
    let service = Service::random(&["--log-level", "debug"]);
    let requests = [
        ("good", "POST", "/embed", 200, Value::Null),
        ("health", "GET", "/health", 200, Value::Null),
        ("invalid", "POST", "/embed/base64", 422, json!("invalid_json")),
        ("no-route", "GET", "none", 404, json!("not_found")),
        ("bad-method", "PUT", "/health", 405, json!("method_not_allowed")),
    ];
    for (id, method, route, status, code) in requests {
        let headers = [("x-request-id", id), ("content-type", "image/png")];
        let path = if route == "none" { "/no/such/route?x=y" } else { route };
        let body = if method == "POST" { &CAT[..] } else { b"" };
        assert_eq!(service.send(method, path, &headers, body).status, status, "{id}");
        let lines = lines(&service, id);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let line = &lines[0];
        // A client's mistake is no error.
        assert_eq!((&line["level"], &line["message"]), (&json!("DEBUG"), &json!("request")));
        assert_eq!(line["method"], method);
        assert_eq!(line["route"], route);
        assert_eq!(line["status"], status);
        assert_eq!(line["code"], code);
        assert!(line["milliseconds"].is_u64());
    }
}

#[test]
fn a_refusal_while_starting_is_no_error() {
    let hub = SilentHub::new();
    let service = Service::starting(&hub);
    let headers = [("x-request-id", "early"), ("content-type", "image/png")];
    service.send("POST", "/embed", &headers, &CAT).with_status(503);
    // Told together with others, in a line that names none of them.
    let line = service.await_log("refusals", |line| line["refused"].is_u64());
    assert_eq!(line["level"], "WARN");
    let log = service.logged();
    assert!(log.iter().all(|line| line["span"]["id"] != "early"), "{log:#?}");
    assert!(log.iter().all(|line| line["level"] != "ERROR"), "{log:#?}");
}
