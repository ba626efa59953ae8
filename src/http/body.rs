//! Reads a request's body within its limit: refused by its length before a byte is read, else
//! while it is read.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};

use super::rejection::Rejection;

/// How long the rest of a refused body is still taken in, so that its client gets to read the
/// answer: a connection closed with unread data is reset, and the answer lost with it.
const LINGER: Duration = Duration::from_secs(5);

/// The whole body, at most `limit` bytes.
///
/// # Errors
/// [`Rejection::BodyTooLarge`] or, if the client broke off, [`Rejection::BodyIncomplete`].
pub(super) async fn read(body: Body, limit: usize) -> Result<Bytes, Rejection> {
    let mut body = checked(body, limit)?;
    // The length that the client announced; it has been checked, and pages that are never written
    // to cost nothing.
    let announced = usize::try_from(axum::body::HttpBody::size_hint(&body).lower()).unwrap_or(0);
    let mut bytes = BytesMut::with_capacity(announced.min(limit));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Rejection::BodyIncomplete(error.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            linger(body);
            return Err(Rejection::BodyTooLarge { found: None, limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The body, unless its length says that it is too large; beyond `limit` bytes it breaks off.
///
/// # Errors
/// [`Rejection::BodyTooLarge`].
pub(super) fn bounded(body: Body, limit: usize) -> Result<Body, Rejection> {
    checked(body, limit).map(|body| Body::new(Limited::new(body, limit)))
}

fn checked(body: Body, limit: usize) -> Result<Body, Rejection> {
    let length = axum::body::HttpBody::size_hint(&body).lower();
    if length > limit as u64 {
        linger(body);
        return Err(Rejection::BodyTooLarge { found: Some(length), limit });
    }
    Ok(body)
}

fn linger(mut body: Body) {
    tokio::spawn(async move {
        let rest = async { while let Some(Ok(_)) = body.frame().await {} };
        // Whichever comes first: the end or the limit of our patience.
        let _ = tokio::time::timeout(LINGER, rest).await;
    });
}
