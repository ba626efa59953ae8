//! How connections are served: HTTP/1.1 and HTTP/2, heads and idle times within their limits, and
//! no more connections than there may be.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, task::JoinHandle};

use crate::service::{CAT, Connection, Service, send, shared};

/// A connection by HTTP/2 with prior knowledge, and what ends with it.
pub async fn http2(service: &Service) -> (SendRequest<Full<Bytes>>, JoinHandle<()>) {
    let stream = TcpStream::connect(service.api).await.unwrap();
    let (client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (client, tokio::spawn(async { connection.await.unwrap() }))
}

/// The status of the answer to `GET` or, with a photo, `POST`, after all of it was read.
pub async fn status(
    client: &mut SendRequest<Full<Bytes>>,
    service: &Service,
    path: &str,
    photo: Option<&[u8]>,
) -> u16 {
    let method = if photo.is_some() { "POST" } else { "GET" };
    let body = Full::new(Bytes::copy_from_slice(photo.unwrap_or_default()));
    let uri = format!("http://{}{path}", service.api);
    let request = Request::builder().method(method).uri(uri).header("content-type", "image/png");
    client.ready().await.unwrap();
    let answer = client.send_request(request.body(body).unwrap()).await.unwrap();
    assert!(answer.headers().contains_key("x-request-id"));
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    status
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_served_side_by_side() {
    let (client, _) = http2(shared()).await;
    let requests = (0..20).map(|i| {
        let mut client = client.clone();
        let (path, photo) = if i % 2 == 0 { ("/embed", Some(&**CAT)) } else { ("/health", None) };
        async move { status(&mut client, shared(), path, photo).await }
    });
    let statuses = futures_util::future::join_all(requests).await;
    assert_eq!(statuses, [200; 20]);
}

#[test]
fn heads_have_a_limit_of_bytes_and_of_fields() {
    let answer = |fields: usize, bytes: usize| {
        let fields: String = (1..fields).map(|i| format!("x-{i}: y\r\n")).collect();
        let mut connection = shared().connect();
        connection
            .write(format!("GET /livez HTTP/1.1\r\nhost: {}\r\n{fields}\r\n", "a".repeat(bytes)));
        connection.read().status
    };
    assert_eq!((answer(64, 1), answer(65, 1)), (200, 431));
    assert_eq!((answer(1, 30 << 10), answer(1, 33 << 10)), (200, 431));
}

#[test]
fn a_head_must_come_in_time() {
    let service = Service::tiny(&["--header-timeout", "2s"]);
    // Nothing, half of HTTP/2's first bytes, half a head, half of a second one.
    let mut connections: Vec<Connection> = (0..4).map(|_| service.connect()).collect();
    let start = Instant::now();
    connections[1].write("PRI * HTTP/2.0\r\n");
    connections[2].write("GET /livez HTTP/1.1\r\nhost");
    connections[3].get("/livez");
    assert_eq!(connections[3].read().status, 200);
    connections[3].write("GET /livez");
    // One that gives signs of life all the time.
    let mut dripping = service.connect();
    let dripped = std::thread::spawn(move || {
        let start = Instant::now();
        let mut head = "GET /livez HTTP/1.1\r\nhost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".bytes();
        while let Some(byte) = head.next()
            && dripping.is_silent_for(Duration::from_millis(500))
        {
            dripping.write([byte]);
        }
        start.elapsed()
    });
    for connection in &mut connections {
        connection.await_close();
        assert!(start.elapsed() >= Duration::from_millis(1900), "{:?}", start.elapsed());
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let dripped = dripped.join().unwrap();
    assert!(dripped < Duration::from_secs(10), "{dripped:?}");
}

#[test]
fn a_connection_stays_open_between_requests_for_a_while() {
    let service = Service::tiny(&["--header-timeout", "1s", "--keep-alive", "4s"]);
    let mut connection = service.connect();
    for _ in 0..2 {
        connection.get("/livez");
        assert_eq!(connection.read().status, 200);
        // Longer than a head may take.
        assert!(connection.is_silent_for(Duration::from_secs(2)));
    }
    connection.get("/livez");
    assert_eq!(connection.read().status, 200);
    let idle = connection.await_close();
    assert!(idle > Duration::from_secs(3) && idle < Duration::from_secs(20), "{idle:?}");
}

#[tokio::test]
async fn an_idle_connection_of_http2_is_closed_too() {
    let service = Service::tiny(&["--header-timeout", "1s", "--keep-alive", "3s"]);
    let (mut client, connection) = http2(&service).await;
    assert_eq!(status(&mut client, &service, "/livez", None).await, 200);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(status(&mut client, &service, "/livez", None).await, 200);
    tokio::time::timeout(Duration::from_secs(20), connection).await.unwrap().unwrap();
}

#[test]
fn an_old_connection_ends_with_an_answer() {
    let service = Service::tiny(&["--max-connection-age", "1s"]);
    let mut connection = service.connect();
    connection.get("/livez");
    assert_eq!(connection.read().header("connection"), None);
    assert!(connection.is_silent_for(Duration::from_millis(1500)));
    connection.get("/livez");
    let last = connection.read();
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    assert!(connection.await_close() < Duration::from_secs(10));
}

#[tokio::test]
async fn an_old_connection_of_http2_is_told_to_go() {
    let service = Service::tiny(&["--max-connection-age", "1s"]);
    let (mut client, connection) = http2(&service).await;
    assert_eq!(status(&mut client, &service, "/livez", None).await, 200);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(status(&mut client, &service, "/livez", None).await, 200);
    tokio::time::timeout(Duration::from_secs(20), connection).await.unwrap().unwrap();
}

#[test]
fn connections_beyond_the_limit_wait_and_leave_the_admin_port_alone() {
    let service = Service::tiny_with_admin(&["--max-connections", "3"]);
    let mut held: Vec<Connection> = (0..3).map(|_| service.connect()).collect();
    for connection in &mut held {
        connection.get("/livez");
        assert_eq!(connection.read().status, 200);
    }
    let mut waiting = service.connect();
    waiting.get("/livez");
    assert!(waiting.is_silent_for(Duration::from_secs(1)));
    service.await_log("the limit", |line| line["connections"] == 3 && line["listener"] == "api");
    for path in ["/livez", "/readyz", "/health", "/metrics"] {
        assert_eq!(send(service.admin.unwrap(), "GET", path, &[], b"").status, 200, "{path}");
    }
    held.pop();
    assert_eq!(waiting.read().status, 200);
}

#[test]
fn as_many_files_may_be_open_as_connections_need() {
    let service = Service::within("-S -n 100", &["--max-connections", "500"]);
    assert!(service.open_files() > 500, "{}", service.open_files());
}

#[test]
fn running_out_of_descriptors_is_told_and_survived() {
    let service = Service::within("-n 60", &[]);
    service.await_log("too few", |line| line["open_files"] == 60 && line["level"] == "WARN");
    let mut held: Vec<Connection> = (0..80).map(|_| service.connect()).collect();
    for connection in &mut held {
        connection.get("/livez");
    }
    service.await_log("that none can be accepted", |line| {
        let message = "cannot accept a connection: trying again";
        line["message"] == message && line["level"] == "WARN"
    });
    assert_eq!(held[0].read().status, 200);
    // The last one is answered when the others have gone.
    let mut last = held.pop().unwrap();
    drop(held);
    assert_eq!(last.read().status, 200);
    assert_eq!(service.get("/livez").status, 200);
}
