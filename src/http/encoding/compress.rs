//! Answers in the coding that the client likes best (`Accept-Encoding`), where that saves anything.
//!
//! An answer is compressed whole, before it is sent: it keeps a length, nothing of a compressor is held
//! for a client that takes it slowly, and a few compress at a time. So memory stays what it was.

use std::{future::ready, io};

use async_compression::{
    Level,
    tokio::write::{GzipEncoder, ZstdEncoder},
};
use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderValue, header, response::Parts},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Semaphore,
    task::yield_now,
};

use super::Coding;

/// Answers of fewer bytes fit into one packet as they are.
const LEAST: u64 = 1 << 10;

/// Answers of more bytes are sent as they are: they would be held twice.
const MOST: u64 = 32 << 20;

/// Bytes that are compressed before others have their turn: less than a millisecond's.
const TURN: usize = 32 << 10;

/// Answers that are compressed at the same time, each with some 1.5 MiB of the compressor's.
static TURNS: Semaphore = Semaphore::const_new(4);

const GZIP: HeaderValue = HeaderValue::from_static("gzip");
const ZSTD: HeaderValue = HeaderValue::from_static("zstd");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");

/// Wraps every request.
pub(in crate::http) async fn compress(request: Request, next: Next) -> Response {
    let coding = preferred(request.headers());
    let (mut head, body) = next.run(request).await.into_parts();
    if !is_worth_it(&head, &body) {
        return Response::from_parts(head, body);
    }
    // Caches must not hand one client what another has asked for.
    head.headers.append(header::VARY, ACCEPT_ENCODING);
    let Some(coding) = coding else { return Response::from_parts(head, body) };
    let whole = match body.collect().await {
        Ok(whole) => whole.to_bytes(),
        // For whoever sends the answer.
        Err(error) => {
            let failed = stream::once(ready(Err::<Bytes, _>(error)));
            return Response::from_parts(head, Body::from_stream(failed));
        }
    };
    match compressed(coding, &whole).await {
        Ok(smaller) => {
            let name = if coding == Coding::Gzip { GZIP } else { ZSTD };
            head.headers.insert(header::CONTENT_ENCODING, name);
            head.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(head, Body::from(smaller))
        }
        Err(error) => {
            tracing::error!(%error, "an answer cannot be compressed and is sent as it is");
            Response::from_parts(head, Body::from(whole))
        }
    }
}

/// Whether an answer is large, is of a kind that becomes smaller, and is not in a coding already.
fn is_worth_it(head: &Parts, body: &Body) -> bool {
    let length = body.size_hint().exact();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    length.is_some_and(|length| (LEAST..=MOST).contains(&length))
        && kind.is_some_and(is_compressible)
        && !head.headers.contains_key(header::CONTENT_ENCODING)
        && !head.headers.contains_key(header::CONTENT_RANGE)
}

/// Text in its many forms. Not what is compressed by its nature (photos), nor numbers in binary, which
/// hardly become smaller.
fn is_compressible(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        // Events are to come as they happen.
        "text/event-stream" => false,
        "application/json" | "application/javascript" | "application/openmetrics-text" => true,
        "image/svg+xml" => true,
        other => other.starts_with("text/") || other.ends_with("+json") || other.ends_with("+xml"),
    }
}

async fn compressed(coding: Coding, whole: &[u8]) -> io::Result<Vec<u8>> {
    // It is never closed.
    let _turn = TURNS.acquire().await;
    let smaller = Vec::with_capacity(whole.len() / 2);
    match coding {
        Coding::Gzip => {
            let mut encoder = GzipEncoder::with_quality(smaller, Level::Fastest);
            write(&mut encoder, whole).await?;
            Ok(encoder.into_inner())
        }
        Coding::Zstd => {
            let mut encoder = ZstdEncoder::with_quality(smaller, Level::Fastest);
            write(&mut encoder, whole).await?;
            Ok(encoder.into_inner())
        }
    }
}

async fn write(encoder: &mut (impl AsyncWrite + Unpin), whole: &[u8]) -> io::Result<()> {
    for piece in whole.chunks(TURN) {
        encoder.write_all(piece).await?;
        yield_now().await;
    }
    encoder.shutdown().await
}

/// The coding that a client likes best (RFC 9110, section 12.5.3): of several that it likes as well
/// zstd, which is faster. None where it names none, or likes it better without.
fn preferred(headers: &HeaderMap) -> Option<Coding> {
    let (mut gzip, mut zstd, mut identity, mut others) = (None, None, None, None);
    let fields = headers.get_all(header::ACCEPT_ENCODING).iter();
    for item in fields.filter_map(|field| field.to_str().ok()).flat_map(|field| field.split(',')) {
        let (name, weight) = weighed(item);
        match (Coding::named(name), name) {
            (Some(Coding::Gzip), _) => gzip = weight,
            (Some(Coding::Zstd), _) => zstd = weight,
            (None, "*") => others = weight,
            (None, name) if name.eq_ignore_ascii_case("identity") => identity = weight,
            _ => {}
        }
    }
    let weight = |named: Option<u16>| named.or(others).unwrap_or(0);
    let (gzip, zstd) = (weight(gzip), weight(zstd));
    let (best, coding) = if gzip > zstd { (gzip, Coding::Gzip) } else { (zstd, Coding::Zstd) };
    (best > 0 && best >= identity.unwrap_or(0)).then_some(coding)
}

/// A name with its weight in thousandths; one that is no weight counts as 0.
fn weighed(item: &str) -> (&str, Option<u16>) {
    let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
    let weight = match parameters.trim().split_once('=') {
        Some((key, weight)) if key.trim().eq_ignore_ascii_case("q") => thousandths(weight.trim()),
        _ => Some(1000),
    };
    (name.trim(), Some(weight.unwrap_or(0)))
}

/// `0.5` is 500: a number from 0 to 1.
fn thousandths(text: &str) -> Option<u16> {
    let weight: f32 = text.parse().ok().filter(|weight| (0. ..=1.).contains(weight))?;
    Some((weight * 1e3).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coding_is_the_one_that_the_client_likes_best() {
        for (accept, coding) in [
            ("gzip", Some(Coding::Gzip)),
            ("X-GZip", Some(Coding::Gzip)),
            ("zstd", Some(Coding::Zstd)),
            ("gzip, deflate, br, zstd", Some(Coding::Zstd)),
            ("zstd;q=0.5, gzip;q=0.8", Some(Coding::Gzip)),
            ("gzip;q=0.8,zstd;Q=0.9", Some(Coding::Zstd)),
            ("gzip ; q = 0.001", Some(Coding::Gzip)),
            ("*", Some(Coding::Zstd)),
            ("*;q=0.1, zstd;q=0", Some(Coding::Gzip)),
            ("*;q=0, gzip", Some(Coding::Gzip)),
            ("gzip;q=1.0, identity;q=0.5", Some(Coding::Gzip)),
            ("identity;q=0, gzip;q=0.1", Some(Coding::Gzip)),
            ("gzip, identity", Some(Coding::Gzip)),
            ("identity, gzip;q=0.5", None),
            ("gzip;q=0", None),
            ("gzip;q=0.0, zstd;q=0", None),
            ("*;q=0", None),
            ("deflate, br", None),
            ("identity", None),
            ("gzip;q=2", None),
            ("gzip;q=much", None),
            ("gzip;q=NaN", None),
            ("", None),
            (",;,", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, accept.parse().unwrap());
            assert_eq!(preferred(&headers), coding, "{accept}");
        }
        assert_eq!(preferred(&HeaderMap::new()), None);
    }

    #[test]
    fn several_fields_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT_ENCODING, "zstd;q=0".parse().unwrap());
        headers.append(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
        assert_eq!(preferred(&headers), Some(Coding::Gzip));
    }

    #[test]
    fn text_is_compressible_and_photos_and_numbers_are_not() {
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "application/problem+json",
            "text/plain; version=0.0.4; charset=utf-8",
            "TEXT/HTML",
            "text/css",
            "text/javascript",
            "application/javascript",
            "image/svg+xml",
        ] {
            assert!(is_compressible(kind), "{kind}");
        }
        for kind in [
            "image/png",
            "image/jpeg",
            "application/octet-stream",
            "application/x-npy",
            "application/grpc",
            "application/grpc+proto",
            "text/event-stream",
            "font/woff2",
            "",
        ] {
            assert!(!is_compressible(kind), "{kind}");
        }
    }
}
