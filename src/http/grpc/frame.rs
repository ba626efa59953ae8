//! The one message of a unary call, in and out: a byte that says whether it is compressed, four bytes
//! of its length, itself (gRPC over HTTP/2, "Length-Prefixed-Message"). It stays a part of its body
//! unless it is compressed; then what it takes is reserved as it grows, up to the limit of bodies.

use std::io::{ErrorKind, Read};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::read::{GzDecoder, ZlibDecoder};
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message;

use super::error::GrpcError;
use crate::{admission::Reservation, http::rejection::Rejection};

pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
pub(super) const STATUS: HeaderName = HeaderName::from_static("grpc-status");

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const ENCODINGS: HeaderValue = HeaderValue::from_static("identity,deflate,gzip");

/// What comes before a message.
const PREFIX: usize = 5;

/// The message of a body of at most `most` bytes, and the memory that it takes beside the body, which
/// `reserve` gives.
///
/// # Errors
/// [`GrpcError`], [`Rejection::BodyTooLarge`], or what `reserve` says.
pub(super) fn message(
    headers: &HeaderMap,
    mut body: Bytes,
    most: usize,
    reserve: impl FnMut(u64) -> Result<Reservation, Rejection>,
) -> Result<(Bytes, Vec<Reservation>), Rejection> {
    let wrong = |what: String| Rejection::Grpc(GrpcError::Frame(what));
    if body.len() < PREFIX {
        return Err(wrong(format!("it has {} bytes, fewer than any message", body.len())));
    }
    let (compressed, length) = (body.get_u8(), body.get_u32() as usize);
    if length != body.len() {
        let found = body.len();
        return Err(wrong(format!("a message of {length} bytes is announced and {found} came")));
    }
    match compressed {
        0 => Ok((body, Vec::new())),
        1 => {
            let encoding = headers.get(ENCODING).map_or(&b"identity"[..], HeaderValue::as_bytes);
            match encoding {
                b"gzip" => inflate(GzDecoder::new(&*body), most, reserve),
                b"deflate" => inflate(ZlibDecoder::new(&*body), most, reserve),
                other => {
                    let other = String::from_utf8_lossy(other).chars().take(100).collect();
                    Err(GrpcError::Encoding(other).into())
                }
            }
        }
        other => Err(wrong(format!("its first byte is {other}, expected 0 or 1"))),
    }
}

/// Memory is reserved and filled by so many bytes at first, and doubled.
const STEP: usize = 1 << 20;

fn inflate(
    compressed: impl Read,
    most: usize,
    mut reserve: impl FnMut(u64) -> Result<Reservation, Rejection>,
) -> Result<(Bytes, Vec<Reservation>), Rejection> {
    let (mut compressed, mut reserved) = (compressed.take(most as u64 + 1), Vec::new());
    let (mut message, mut step) = (Vec::new(), STEP);
    loop {
        // While a vector grows, its old part is there beside the new one.
        reserved.push(reserve(2 * step as u64)?);
        message.reserve_exact(step);
        match (&mut compressed).take(step as u64).read_to_end(&mut message) {
            Ok(_) if message.len() > most => {
                return Err(Rejection::BodyTooLarge { found: None, limit: most });
            }
            Ok(read) if read < step => return Ok((message.into(), reserved)),
            Ok(_) => step = message.len(),
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::UnexpectedEof => "it ends too early".to_owned(),
                    _ => error.to_string(),
                };
                return Err(GrpcError::Frame(format!("it cannot be inflated: {error}")).into());
            }
        }
    }
}

/// The answer of a call that succeeded.
pub(super) fn answer(message: &impl Message) -> Response {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    // Answers are far below 4 GiB: at most `--max-images` embeddings.
    bytes.put_u32(length as u32);
    message.encode_raw(&mut bytes);
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    let frames = [Frame::data(bytes.freeze()), Frame::trailers(trailers)];
    let frames = stream::iter(frames.map(Ok::<_, std::convert::Infallible>));
    // A stream, since a known length would be announced, and the trailers with it be no part of it.
    let mut response = Response::new(Body::new(StreamBody::new(frames)));
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    response.headers_mut().insert(ACCEPTED, ENCODINGS);
    response
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{GzEncoder, ZlibEncoder},
    };

    use super::*;
    use crate::admission::{Admission, Capacity, Division};

    fn framed(compressed: u8, message: &[u8]) -> Bytes {
        let mut bytes = vec![compressed];
        bytes.extend((message.len() as u32).to_be_bytes());
        bytes.extend(message);
        bytes.into()
    }

    fn read(encoding: &'static str, body: Bytes) -> Result<Bytes, Rejection> {
        let headers = HeaderMap::from_iter([(ENCODING, HeaderValue::from_static(encoding))]);
        let all = Division { wide: 64 << 20, narrow: 0 };
        let timeout = std::time::Duration::ZERO;
        let (bodies, decodes) = (all, all);
        let capacity = Capacity { bodies, decodes, images: 1, small_images: 0, timeout };
        let admission = Admission::new(capacity, 1.);
        let reserve = |bytes| Ok(admission.try_decode(bytes).expect("there is enough"));
        message(&headers, body, 4 << 20, reserve).map(|(message, _)| message)
    }

    #[test]
    fn a_message_is_a_part_of_its_body_or_is_inflated() {
        let content = b"a message ".repeat(300_000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&content).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&content).unwrap();
        assert_eq!(read("identity", framed(0, &content)).unwrap(), content);
        assert_eq!(read("gzip", framed(1, &gzip.finish().unwrap())).unwrap(), content);
        assert_eq!(read("deflate", framed(1, &zlib.finish().unwrap())).unwrap(), content);
        assert_eq!(read("gzip", framed(0, b"plain")).unwrap(), "plain");
    }

    #[test]
    fn what_grows_beyond_the_limit_is_refused() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&vec![0; (4 << 20) + 1]).unwrap();
        let refused = read("gzip", framed(1, &gzip.finish().unwrap())).unwrap_err();
        assert!(matches!(refused, Rejection::BodyTooLarge { limit: 4_194_304, .. }), "{refused:?}");
    }

    #[test]
    fn other_bodies_are_refused() {
        let mut long = framed(0, b"abc").to_vec();
        long.push(0);
        for (encoding, body) in [
            ("gzip", Bytes::new()),
            ("gzip", Bytes::from_static(&[0, 0, 0, 0])),
            ("gzip", long.into()),
            ("gzip", framed(2, b"abc")),
            ("gzip", framed(1, b"no gzip")),
            ("gzip", framed(1, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])),
            ("identity", framed(1, b"abc")),
            ("br", framed(1, b"abc")),
        ] {
            let refused = read(encoding, body.clone()).unwrap_err();
            assert!(matches!(refused, Rejection::Grpc(_)), "{body:?}: {refused:?}");
        }
    }
}
