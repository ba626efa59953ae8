//! Reads a request's body within its limit: refused by its length before a byte is read, else
//! while it is read. What is left of a refused body is taken in for a while ([`linger`]), so that
//! its client gets to read why.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::header,
};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::runtime::Handle;

use super::rejection::Rejection;
use crate::admission::Visit;

/// How long the rest of a body is taken in that nobody reads any more.
const LINGER: Duration = Duration::from_secs(5);

/// The length that the client announced, if it did.
///
/// # Errors
/// [`Rejection::BodyTooLarge`], when it is over `limit`.
pub(super) fn length(body: &Body, limit: usize) -> Result<Option<u64>, Rejection> {
    let announced = body.size_hint();
    match announced.lower() {
        length if length > limit as u64 => {
            Err(Rejection::BodyTooLarge { found: Some(length), limit })
        }
        _ => Ok(announced.exact()),
    }
}

/// The whole body, at most `limit` bytes. What it needs beyond what `visit` has reserved for it is
/// reserved before it is kept.
///
/// # Errors
/// [`Rejection::BodyTooLarge`], [`Rejection::Busy`] or, if the client broke off,
/// [`Rejection::BodyIncomplete`].
pub(super) async fn read(
    mut body: Body,
    limit: usize,
    visit: &mut Visit,
) -> Result<Bytes, Rejection> {
    // Pages that are never written to cost nothing.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut bytes = BytesMut::with_capacity(announced.min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Rejection::BodyIncomplete(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(Rejection::BodyTooLarge { found: None, limit });
        }
        visit.grow(length).await.map_err(Rejection::Busy)?;
        bytes.extend_from_slice(&data);
    }
    visit.read(bytes.len());
    Ok(bytes.freeze())
}

/// Lets a request be answered before its body has been read: a connection that is closed with
/// unread data is reset, and the answer lost with it.
pub(super) async fn linger(request: Request) -> Request {
    // A client that waits for a "100 Continue" sends nothing until its body is asked for.
    let sent = !request.headers().contains_key(header::EXPECT);
    request.map(|body| Body::new(Lingering { body, sent }))
}

/// A body whose rest is taken in when it is dropped.
struct Lingering {
    body: Body,
    /// Whether the client sends it, asked or unasked.
    sent: bool,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.sent = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if !self.sent || self.body.is_end_stream() {
            return;
        }
        let mut body = mem::take(&mut self.body);
        let rest = async move { while let Some(Ok(_)) = body.frame().await {} };
        // Without a runtime the connection has ended as well.
        if let Ok(runtime) = Handle::try_current() {
            // Whichever comes first: the end or the limit of our patience.
            runtime.spawn(async { tokio::time::timeout(LINGER, rest).await });
        }
    }
}
