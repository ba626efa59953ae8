//! One question and one answer over one connection: HTTP/1.1, `GET`, no cookies, no credentials, no
//! compression. Of the answer only its bytes are used, or where it redirects to.

use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderMap, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Memory, error::FetchError, target::Target};

/// Largest head of an answer, in bytes, and most fields in it.
const MAX_HEAD: usize = 32 << 10;
const MAX_FIELDS: usize = 100;

const USER_AGENT: &str = concat!("inference-service/", env!("CARGO_PKG_VERSION"));

const BROKEN: FetchError = FetchError::Unreachable("the connection broke off");

/// What a host answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The file.
    Photo(Bytes),
    /// It is elsewhere: the field `Location`.
    Elsewhere(HeaderValue),
}

/// Asks for `target` over `stream`; `memory` is reserved for what is kept of a photo, which has at most
/// `limit` bytes.
pub(super) async fn get(
    stream: TlsStream<TcpStream>,
    target: &Target,
    limit: usize,
    memory: &mut impl Memory,
) -> Result<Answer, FetchError> {
    let request = request(target)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| BROKEN)?;
    let mut exchange = pin!(async {
        let answer = sender.send_request(request).await.map_err(|error| {
            let is_http = !error.is_parse() && !error.is_parse_too_large();
            if is_http { BROKEN } else { FetchError::BadAnswer("in no HTTP/1.1 that is read here") }
        })?;
        read(answer, limit, memory).await
    });
    // The connection lives within this future: who drops it, closes the connection.
    tokio::select! {
        answer = &mut exchange => return answer,
        _ = connection => {}
    }
    exchange.await
}

fn request(target: &Target) -> Result<Request<Empty<Bytes>>, FetchError> {
    let request = Request::get(target.path())
        .header(header::HOST, target.authority())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "image/*, */*;q=0.5")
        .header(header::ACCEPT_ENCODING, "identity")
        .header(header::CONNECTION, "close");
    request.body(Empty::new()).map_err(|_| FetchError::Invalid("it cannot be asked for"))
}

async fn read(
    answer: Response<Incoming>,
    limit: usize,
    memory: &mut impl Memory,
) -> Result<Answer, FetchError> {
    let (mut head, mut body) = answer.into_parts();
    if is_redirect(head.status) {
        let location = head.headers.remove(header::LOCATION);
        return location
            .map(Answer::Elsewhere)
            .ok_or(FetchError::BadAnswer("it redirects to nowhere"));
    }
    if head.status != StatusCode::OK {
        return Err(FetchError::Status(head.status.as_u16()));
    }
    if is_encoded(&head.headers) {
        return Err(FetchError::BadAnswer("compressed, which it was asked not to"));
    }
    let too_large = FetchError::TooLarge { limit, setting: "--url-max-bytes" };
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(too_large);
    }
    // Pages that are never written to cost nothing.
    let mut bytes = BytesMut::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BROKEN)?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(too_large);
        }
        memory.grow(length).await?;
        bytes.extend_from_slice(&data);
    }
    Ok(Answer::Photo(bytes.freeze()))
}

/// Those that say where a `GET` should go instead (RFC 9110, section 15.4).
fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).into_iter();
    encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}
