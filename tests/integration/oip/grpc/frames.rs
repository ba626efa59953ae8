//! Calls byte by byte: how messages are wrapped, and what becomes of those that are not.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use inference_service::http::oip::messages::ModelInferResponse;
use prost::Message;
use tokio::net::TcpStream;

use super::{expected, question, tiny};
use crate::{
    oip::floats,
    service::{Service, assert_near, send},
};

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";

/// Head, body and trailers of the answer to a call.
async fn ask(
    service: &Service,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> (u16, HeaderMap, Bytes, HeaderMap) {
    let stream = TcpStream::connect(service.grpc.unwrap()).await.unwrap();
    let (mut client, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{}{path}", service.grpc.unwrap());
    let mut request = Request::post(uri).header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let (head, body) = client.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    (head.status.as_u16(), head.headers, body.to_bytes(), trailers)
}

const GRPC: (&str, &str) = ("content-type", "application/grpc");

fn framed(compressed: u8, message: &[u8]) -> Vec<u8> {
    [&[compressed][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn answers_are_one_message_and_a_status_after_it() {
    let message = question("clip_vit_b32", 2).encode_to_vec();
    let compressed = framed(1, &gzip(&message));
    for (headers, body) in [
        (&[GRPC][..], framed(0, &message)),
        (&[("content-type", "application/grpc+proto")], framed(0, &message)),
        (&[GRPC, ("grpc-encoding", "gzip")], compressed),
        (&[GRPC, ("grpc-encoding", "gzip")], framed(0, &message)),
    ] {
        let (status, head, body, trailers) = ask(tiny(), INFER, headers, body).await;
        assert_eq!((status, &head["content-type"]), (200, &"application/grpc".parse().unwrap()));
        assert!(!head.contains_key("grpc-status") && !head.contains_key("content-length"));
        assert_eq!((trailers.len(), &trailers["grpc-status"]), (1, &"0".parse().unwrap()));
        assert_eq!(body[..5], framed(0, &body[5..])[..5]);
        let answer = ModelInferResponse::decode(body.slice(5..)).unwrap();
        assert_near(&floats(&answer.raw_output_contents[0]), &expected("clip_vit_b32", 2));
    }
}

/// The code that is told in the head, and the message.
async fn refused(headers: &[(&str, &str)], body: Vec<u8>) -> (u32, String) {
    let (status, head, body, _) = ask(tiny(), INFER, &[&[GRPC], headers].concat(), body).await;
    assert_eq!((status, body.len()), (200, 0));
    let text = |name: &str| head[name].to_str().unwrap().to_owned();
    (text("grpc-status").parse().unwrap(), text("grpc-message"))
}

#[tokio::test]
async fn other_bodies_are_refused_in_the_head() {
    const INVALID: u32 = 3;
    const EXHAUSTED: u32 = 8;
    const UNIMPLEMENTED: u32 = 12;
    let message = question("clip_vit_b32", 1).encode_to_vec();
    let two = [framed(0, &message), framed(0, &message)].concat();
    let bomb = framed(1, &gzip(&vec![0; 200 << 20]));
    assert!(bomb.len() < 1 << 20);
    let gzip_of = ("grpc-encoding", "gzip");
    for (headers, body, code) in [
        (&[][..], Vec::new(), INVALID),
        (&[], b"\0\0\0".to_vec(), INVALID),
        (&[], framed(0, &message)[..100].to_vec(), INVALID),
        (&[], two, INVALID),
        (&[], framed(7, &message), INVALID),
        (&[], framed(0, b"\xff\xff\xff no protobuf"), INVALID),
        (&[], framed(0, b"\x0a\x01\xff"), INVALID),
        (&[], [b"\0\xff\xff\xff\xff".to_vec(), message.clone()].concat(), INVALID),
        (&[], framed(1, &gzip(&message)), UNIMPLEMENTED),
        (&[("grpc-encoding", "br")], framed(1, &message), UNIMPLEMENTED),
        (&[gzip_of], framed(1, &message), INVALID),
        (&[gzip_of], bomb, EXHAUSTED),
        // Half a million inputs and outputs without anything in them.
        (&[], framed(0, &b"\x2a\0".repeat(500_000)), 5),
        (&[], framed(0, &b"\x32\0".repeat(500_000)), INVALID),
    ] {
        let (found, told) = refused(headers, body).await;
        assert_eq!(found, code, "{told}");
        assert!(!told.is_empty() && told.len() < 500, "{told}");
    }
    let (_, _, body, trailers) =
        ask(tiny(), INFER, &[GRPC], framed(0, &question("clip_vit_b32", 1).encode_to_vec())).await;
    assert_eq!((body.len() > 32, &trailers["grpc-status"]), (true, &"0".parse().unwrap()));
}

/// Clients end such calls by themselves; here only the service knows of the time.
#[tokio::test]
async fn the_clients_own_time_is_kept() {
    // A batch that is never begun: it waits an hour for more.
    let service = Service::tiny_with_grpc(&["--batch-delay", "1h"]);
    let body = framed(0, &question("clip_vit_b32", 1).encode_to_vec());
    let (_, head, _, _) = ask(&service, INFER, &[GRPC, ("grpc-timeout", "50m")], body).await;
    assert_eq!(head["grpc-status"], "4");
}

#[tokio::test]
async fn unknown_routes_are_unimplemented() {
    for path in ["/", "/other.Service/Call", "/inference.GRPCInferenceService/A/B"] {
        let (status, head, _, _) = ask(tiny(), path, &[GRPC], framed(0, b"")).await;
        assert_eq!((status, &head["grpc-status"]), (200, &"12".parse().unwrap()), "{path}");
    }
}

/// A browser or a probe that has the wrong port reads plain HTTP.
#[test]
fn others_than_clients_of_grpc_are_answered_in_json() {
    let address = tiny().grpc.unwrap();
    let not_found = send(address, "GET", "/health", &[], b"").with_status(404);
    assert_eq!(not_found["detail"], "Not Found");
    assert_eq!(send(address, "GET", INFER, &[], b"").status, 405);
    let no_message = send(address, "POST", INFER, &[], b"x").with_status(400);
    assert_eq!(no_message["code"], "invalid_message");
}
