//! A stop goes through its phases: everything is served while those who send clients learn of it,
//! then what has begun is finished, and in the end what is left is told.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    connections::{http2, status},
    service::{CAT, Connection, Service, SilentHub},
};

/// The time within which the process must end that waits for nothing.
const PROMPT: Duration = Duration::from_secs(5);

fn await_stopping(service: &Service) {
    let message = "stopping: running requests are finished first";
    service.await_log("stopping", |line| line["message"] == message);
}

fn await_closing(service: &Service) {
    service.await_log("closing", |line| line["message"] == "closing the ports");
}

#[test]
fn while_draining_everything_is_served_and_clients_are_told_to_leave() {
    let mut service = Service::tiny_with_admin(&["--drain-delay", "1h"]);
    let mut kept_alive = service.connect();
    kept_alive.get("/livez");
    assert_eq!(kept_alive.read().header("connection"), None);
    let mut reading = service.connect();
    reading.begin("/embed", "image/png", CAT.len());
    service.signal("TERM");
    await_stopping(&service);
    // A connection from before, one with a request, and new ones at both ports.
    kept_alive.get("/livez");
    reading.write(&*CAT);
    let mut new = service.connect();
    new.get("/health");
    let mut admin = Connection::to(service.admin.unwrap());
    admin.get("/livez");
    for mut connection in [kept_alive, reading, new, admin] {
        let reply = connection.read();
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
        assert!(connection.await_close() < PROMPT);
    }
    let draining = service.get("/readyz").with_status(503);
    assert_eq!(draining, json!({"status": "draining"}));
    for path in ["/startupz", "/livez", "/health"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
    // A second signal does not wait for the end of the hour.
    service.signal("TERM");
    assert_eq!(service.exit().code(), Some(1));
}

#[tokio::test]
async fn http2_is_told_to_leave_after_its_next_request() {
    let service = Service::tiny(&["--drain-delay", "1h"]);
    let (mut client, connection) = http2(&service).await;
    let (mut new_client, new_connection) = {
        assert_eq!(status(&mut client, &service, "/livez", None).await, 200);
        service.signal("TERM");
        await_stopping(&service);
        http2(&service).await
    };
    for client in [&mut client, &mut new_client] {
        assert_eq!(status(client, &service, "/embed", Some(&CAT)).await, 200);
    }
    for connection in [connection, new_connection] {
        tokio::time::timeout(PROMPT, connection).await.unwrap().unwrap();
    }
}

#[test]
fn after_the_delay_the_ports_are_closed() {
    let mut service = Service::tiny(&["--drain-delay", "2s"]);
    let mut running = service.connect();
    running.begin("/embed", "image/png", CAT.len());
    let start = Instant::now();
    service.signal("TERM");
    await_closing(&service);
    assert!(start.elapsed() > Duration::from_millis(1900), "{:?}", start.elapsed());
    while TcpStream::connect(service.api).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(30), "somebody listens still");
    }
    running.write(&*CAT);
    assert_eq!(running.read().embeddings().len(), 1);
    assert_eq!(service.exit().code(), Some(0));
}

#[test]
fn what_takes_too_long_is_a_503_and_the_exit_status_1() {
    let mut service = Service::tiny(&["--drain-timeout", "1s", "--body-timeout", "1h"]);
    let mut stuck = service.connect();
    stuck.begin("/embed", "image/png", CAT.len());
    // Whoever has not finished a head has asked for nothing.
    let mut half_a_head = service.connect();
    half_a_head.write("GET /livez HTTP/1.1\r\n");
    let start = Instant::now();
    service.signal("TERM");
    let reply = stuck.read();
    assert_eq!(reply.with_status(503)["code"], "stopping");
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(reply.header("x-request-id").is_some());
    assert_eq!(service.exit().code(), Some(1));
    assert!(start.elapsed() < Duration::from_secs(1) + PROMPT, "{:?}", start.elapsed());
    service.await_log("how many", |line| line["requests"] == 1 && line["level"] == "WARN");
}

#[test]
fn half_a_head_is_no_request_that_was_cut_off() {
    let mut service = Service::tiny(&["--drain-timeout", "1s"]);
    let mut half_a_head = service.connect();
    half_a_head.write("GET /livez HTTP/1.1\r\n");
    service.signal("TERM");
    assert_eq!(service.exit().code(), Some(0));
}

#[test]
fn all_that_is_running_and_queued_is_answered_also_by_pid_1() {
    let flags = ["--drain-timeout", "60s"];
    let mut service = Service::as_pid_1(&flags).unwrap_or_else(|| Service::random(&flags));
    let photo = crate::service::photo("rocket-wide.jpg");
    let mut clients: Vec<_> = (0..48).map(|_| service.connect()).collect();
    for client in &mut clients {
        client.begin("/embed", "image/jpeg", photo.len());
    }
    for client in &mut clients {
        client.write(&photo);
    }
    service.signal("TERM");
    for mut client in clients {
        assert_eq!(client.read().embeddings().len(), 1);
    }
    assert_eq!(service.exit().code(), Some(0));
}

#[test]
fn pid_1_ends_at_once_while_it_is_idle_or_waits_for_its_weights() {
    let hub = SilentHub::new();
    let services = [Service::as_pid_1(&[]), Service::starting_as_pid_1(&hub)];
    for mut service in services.into_iter().flatten() {
        let start = Instant::now();
        service.signal("TERM");
        assert_eq!(service.exit().code(), Some(0));
        assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    }
}

#[test]
fn a_second_signal_ends_pid_1() {
    let Some(mut service) = Service::as_pid_1(&["--drain-delay", "1h"]) else { return };
    service.signal("TERM");
    await_stopping(&service);
    service.signal("TERM");
    assert_eq!(service.exit().code(), Some(1));
}
