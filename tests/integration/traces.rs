//! Traces: what a collector gets of a request, and that nobody waits for one that does not answer.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::service::{CAT, Service};

const TRACE_ID: [u8; 16] = *b"\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c";
const PARENT: [u8; 8] = *b"\xb7\xad\x6b\x71\x69\x20\x33\x31";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector that takes everything; gives the path and body of each request.
fn collector() -> (String, mpsc::Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut lines = Vec::new();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                match line.trim_end() {
                    "" => break,
                    line => lines.push(line.to_ascii_lowercase()),
                }
            }
            let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
            let path = lines[0].split(' ').nth(1).unwrap().to_owned();
            if tell.send((path, body)).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_request_is_a_span_of_the_clients_trace_with_one_for_each_stage() {
    let (endpoint, told) = collector();
    let mut service = Service::tiny(&["--otlp-endpoint", &endpoint, "--log-level", "debug"]);
    let headers = [("content-type", "image/png"), ("traceparent", TRACEPARENT)];
    service.send("POST", "/embed", &headers, &CAT).with_status(200);
    let line = service.await_log("request", |line| line["message"] == "request");
    assert_eq!(line["span"]["trace_id"], "0af7651916cd43dd8448eb211c80319c", "{line}");
    // What is left is sent at the end.
    service.signal("TERM");
    assert!(service.exit().success());
    let sent: Vec<_> = told.try_iter().collect();
    assert!(sent.iter().all(|(path, _)| path == "/v1/traces"));
    let body = sent.into_iter().flat_map(|(_, body)| body).collect::<Vec<_>>();
    for part in [&TRACE_ID[..], &PARENT, b"inference-service", b"POST /embed", b"/embed"] {
        assert!(holds(&body, part), "{part:?}");
    }
    for stage in ["admission", "read", "parse", "places", "prepare", "queue", "forward"] {
        assert!(holds(&body, stage.as_bytes()), "{stage}");
    }
}

#[test]
fn a_client_that_does_not_sample_is_followed() {
    let (endpoint, told) = collector();
    let mut service = Service::tiny(&["--otlp-endpoint", &endpoint]);
    let unsampled = TRACEPARENT.replace("-01", "-00");
    let headers = [("content-type", "image/png"), ("traceparent", &*unsampled)];
    service.send("POST", "/embed", &headers, &CAT).with_status(200);
    service.signal("TERM");
    assert!(service.exit().success());
    assert!(told.try_iter().all(|(_, body)| !holds(&body, &TRACE_ID)));
}

#[test]
fn a_collector_that_does_not_answer_costs_no_request_anything() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let service = Service::tiny(&["--otlp-endpoint", &endpoint]);
    for _ in 0..20 {
        service.post("/embed", "image/png", &CAT).with_status(200);
    }
    silent.set_nonblocking(true).unwrap();
    thread::sleep(Duration::from_millis(1));
    service.get("/health").with_status(200);
}
