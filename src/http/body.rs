//! Reads a request's body within its limit: refused by its length before a byte is read, else
//! while it is read and, where it is compressed, expanded. One that comes too slowly is refused, and what is left of a refused body is
//! taken in for a while ([`Upload`]), so that its client gets to read why.

mod pace;

use std::{
    error::Error,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{header, request::Parts},
};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use pace::{Pace, TooSlow};
use tokio::runtime::Handle;

use super::{
    connection::Exchange,
    encoding::{Broken, Encoded},
    rejection::Rejection,
};
use crate::admission::{BODY_COPIES, BodyMemory, Visit};

/// How often it is looked whether a body is in the way of others.
const LOOK: Duration = Duration::from_millis(500);

/// How long the rest of a body is taken in that nobody reads any more.
const LINGER: Duration = Duration::from_secs(5);

/// The length that the client announced, if it did: that of the body as it comes.
///
/// # Errors
/// [`Rejection::BodyTooLarge`], when it is over `limit`.
pub(super) fn length(body: &Encoded, limit: usize) -> Result<Option<u64>, Rejection> {
    let announced = body.size_hint();
    match announced.lower() {
        length if length > limit as u64 => {
            Err(Rejection::BodyTooLarge { found: Some(length), limit })
        }
        _ => Ok(announced.exact()),
    }
}

/// The whole body, expanded, at most `limit` bytes, with its memory. What it needs beyond what `visit`
/// has reserved for it is reserved before it is kept.
///
/// # Errors
/// [`Rejection::BodyTooLarge`], [`Rejection::BodyTimeout`], [`Rejection::Busy`],
/// [`Rejection::Encoding`] or, if the client broke off, [`Rejection::BodyIncomplete`].
pub(super) async fn read(
    body: Encoded,
    limit: usize,
    visit: &mut Visit,
) -> Result<(Bytes, Option<BodyMemory>), Rejection> {
    // Pages that are never written to cost nothing.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut bytes = BytesMut::with_capacity(announced.min(limit));
    // While it is read, it is held once: a decoder has its memory from what is for the second time.
    let (decoder, copies) = (body.memory(), BODY_COPIES as usize);
    let needed = |length: usize| length.max((length + decoder).div_ceil(copies));
    visit.grow(needed(0)).await.map_err(Rejection::Busy)?;
    let mut body = body.expand();
    let mut look = tokio::time::interval(LOOK);
    loop {
        let data = tokio::select! {
            data = body.next() => data,
            _ = look.tick() => {
                if visit.is_in_the_way(body.came()) {
                    return Err(Rejection::BodyTimeout {
                        least: announced.max(body.came() + 1) as u64,
                        window: visit.timeout(),
                        setting: "--queue-timeout, while others wait for memory",
                    });
                }
                continue;
            }
        };
        let Some(data) = data else { break };
        let data = data.map_err(|broken| match broken {
            Broken::Body(error) => {
                too_slow(&error).unwrap_or_else(|| Rejection::BodyIncomplete(error.to_string()))
            }
            Broken::Encoding(reason) => Rejection::Encoding(reason),
        })?;
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(Rejection::BodyTooLarge { found: None, limit });
        }
        visit.grow(needed(length)).await.map_err(Rejection::Busy)?;
        bytes.extend_from_slice(&data);
    }
    let memory = visit.read(bytes.len());
    Ok((bytes.freeze(), memory))
}

/// The refusal of a body that came too slowly, if that is what `error` says, however it is wrapped.
fn too_slow(error: &(dyn Error + 'static)) -> Option<Rejection> {
    match error.downcast_ref::<TooSlow>() {
        Some(&TooSlow { least, window }) => {
            Some(Rejection::BodyTimeout { least, window, setting: "--body-timeout" })
        }
        None => error.source().and_then(too_slow),
    }
}

/// The body of a request as the connection hands it over.
///
/// It must come at a least rate ([`TooSlow`]). A request can be answered before its body has been
/// read: what still comes of it is taken in for a while, since a connection that is closed with
/// unread data is reset, and the answer lost with it.
pub(super) struct Upload {
    body: Body,
    /// Whether the client sends it, asked or unasked.
    sent: bool,
    pace: Pace,
    exchange: Arc<Exchange>,
}

impl Upload {
    /// The body that follows `head`; in each `window` a share of it must come.
    pub(super) fn new(
        head: &Parts,
        body: Incoming,
        window: Duration,
        exchange: Arc<Exchange>,
    ) -> Self {
        // A client that waits for a "100 Continue" sends nothing until its body is asked for.
        let sent = !head.headers.contains_key(header::EXPECT);
        Self { body: Body::new(body), sent, pace: Pace::new(window), exchange }
    }
}

impl HttpBody for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.sent = true;
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.pace.came(data.map_or(0, Bytes::len));
                Poll::Ready(frame)
            }
            Poll::Pending => {
                let slow = ready!(self.pace.poll_slow(context));
                Poll::Ready(Some(Err(axum::Error::new(slow))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.sent || self.body.is_end_stream() {
            return;
        }
        let mut body = mem::take(&mut self.body);
        let exchange = Arc::clone(&self.exchange);
        let rest = async move {
            while let Some(Ok(_)) = body.frame().await {}
            drop(exchange);
        };
        // Without a runtime the connection has ended as well.
        if let Ok(runtime) = Handle::try_current() {
            // Whichever comes first: the end or the limit of our patience.
            runtime.spawn(async { tokio::time::timeout(LINGER, rest).await });
        }
    }
}
