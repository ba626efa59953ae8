//! Every request has an id, its client's or a new one.

use crate::service::shared;

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
