//! A request's body that is compressed. It is expanded piece by piece as it is read, so that the limit of
//! bodies holds for what comes out, and memory is reserved as that grows; who sends little that becomes
//! much is refused as soon as it is too much. Each step is small, and others have their turn between.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use async_compression::{
    tokio::bufread::{GzipDecoder, ZstdDecoder},
    zstd::DParameter,
};
use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http_body::SizeHint;
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    task::yield_now,
};
use tokio_util::io::StreamReader;

use super::Coding;
use crate::http::rejection::Rejection;

/// Most bytes that come out at once.
const PIECE: usize = 64 << 10;

/// Most bytes that go in at once. Tiny blocks, with tables of their own, take some microseconds for each
/// twenty bytes: even of these a step is less than a millisecond.
const STEP: usize = 4 << 10;

/// How far back zstd may refer, as a power of two: the 8 MiB that RFC 9659 gives it over HTTP.
const ZSTD_WINDOW_LOG: u32 = 23;

/// What the decoders hold at most: the window and the buffers beside it.
const ZSTD_MEMORY: usize = (1 << ZSTD_WINDOW_LOG) + (1 << 20);
const GZIP_MEMORY: usize = 128 << 10;

/// The body of a request, as it came.
pub(in crate::http) struct Encoded {
    body: Body,
    coding: Option<Coding>,
}

impl Encoded {
    /// The body that follows `headers`.
    ///
    /// # Errors
    /// [`Rejection::ContentEncoding`], for a coding that is not taken, and for several in a row.
    pub(in crate::http) fn new(headers: &HeaderMap, body: Body) -> Result<Self, Rejection> {
        Ok(Self { body, coding: coding(headers)? })
    }

    /// What is known of its length as it comes.
    pub(in crate::http) fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    /// Bytes that expanding it takes, beside those that come out.
    pub(in crate::http) fn memory(&self) -> usize {
        match self.coding {
            None => 0,
            Some(Coding::Gzip) => GZIP_MEMORY,
            Some(Coding::Zstd) => ZSTD_MEMORY,
        }
    }

    /// To be read.
    pub(in crate::http) fn expand(self) -> Expanding {
        let came = Arc::new(AtomicUsize::new(0));
        let source = match self.coding {
            None => Source::Plain(self.body),
            Some(coding) => Source::Compressed(Decoder {
                coding,
                reader: decoder(coding, frames(self.body, Arc::clone(&came)).boxed()),
                piece: BytesMut::new(),
            }),
        };
        Expanding { source, came }
    }
}

/// The coding that `headers` name.
fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Rejection> {
    let fields = headers.get_all(header::CONTENT_ENCODING).iter();
    let fields: Vec<_> = fields.map(|field| String::from_utf8_lossy(field.as_bytes())).collect();
    let named = fields.join(",");
    let mut tokens = named
        .split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("identity"));
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some(token), None) if Coding::named(token).is_some() => Ok(Coding::named(token)),
        _ => Err(Rejection::ContentEncoding(named.chars().take(100).collect())),
    }
}

/// The body of a request, as it is read.
pub(in crate::http) struct Expanding {
    source: Source,
    came: Arc<AtomicUsize>,
}

enum Source {
    Plain(Body),
    Compressed(Decoder),
}

struct Decoder {
    coding: Coding,
    reader: Box<dyn AsyncRead + Send + Unpin>,
    piece: BytesMut,
}

/// Why no more of a body comes.
pub(in crate::http) enum Broken {
    /// The body itself.
    Body(axum::Error),
    /// What it holds: why, for its client.
    Encoding(String),
}

impl Expanding {
    /// Bytes that have come from the client.
    pub(in crate::http) fn came(&self) -> usize {
        self.came.load(Relaxed)
    }

    /// The next bytes, if there are more. Nothing is lost when it is dropped.
    pub(in crate::http) async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        match &mut self.source {
            Source::Plain(body) => {
                let data = next_data(body).await?;
                if let Ok(data) = &data {
                    self.came.fetch_add(data.len(), Relaxed);
                }
                Some(data.map_err(Broken::Body))
            }
            Source::Compressed(decoder) => decoder.next().await,
        }
    }
}

impl Decoder {
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        // Others have their turn after each step, of which much may come at once.
        yield_now().await;
        self.piece.reserve(PIECE);
        match self.reader.read_buf(&mut self.piece).await {
            Ok(0) => None,
            Ok(_) => Some(Ok(self.piece.split().freeze())),
            Err(error) => Some(Err(self.broken(error))),
        }
    }

    fn broken(&self, error: io::Error) -> Broken {
        let error = match error.downcast::<axum::Error>() {
            Ok(error) => return Broken::Body(error),
            Err(error) => error,
        };
        let name = self.coding.name();
        Broken::Encoding(match error.kind() {
            io::ErrorKind::UnexpectedEof => format!("the {name} data ends too early"),
            _ => format!("no {name} data that can be read: {error}"),
        })
    }
}

/// The next bytes of a body. What comes behind them (trailers) is passed over.
async fn next_data(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match body.frame().await?.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            Ok(Err(_trailers)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The bytes of `body` in steps, counted in `came`. Others have their turn between, since it may be that
/// nothing comes out for long.
fn frames(body: Body, came: Arc<AtomicUsize>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((body, Bytes::new(), came), |(mut body, mut rest, came)| async move {
        if rest.is_empty() {
            match next_data(&mut body).await? {
                Ok(data) => rest = data,
                Err(error) => return Some((Err(io::Error::other(error)), (body, rest, came))),
            }
        } else {
            yield_now().await;
        }
        let step = rest.split_to(rest.len().min(STEP));
        came.fetch_add(step.len(), Relaxed);
        Some((Ok(step), (body, rest, came)))
    })
}

/// What comes out of `frames`. Either coding may consist of several parts, one behind another (RFC 1952,
/// section 2.2; RFC 8878, section 3).
fn decoder(
    coding: Coding,
    frames: BoxStream<'static, io::Result<Bytes>>,
) -> Box<dyn AsyncRead + Send + Unpin> {
    let reader = StreamReader::new(frames);
    match coding {
        Coding::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Coding::Zstd => {
            let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
            let mut decoder = ZstdDecoder::with_params(reader, &[window]);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
    }
}
