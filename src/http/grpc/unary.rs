//! Calls with a small question and a small answer, which wait for nothing.

use axum::{extract::Request, response::Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost::Message;

use super::{MOST_MESSAGE, error::GrpcError, frame};
use crate::http::{oip::error::OipError, rejection::Rejection};

/// Answers `request` by `answer`.
///
/// # Errors
/// [`Rejection`], where the message cannot be read or `answer` says so.
pub(super) async fn unary<Q: Message + Default, A: Message>(
    request: Request,
    answer: impl FnOnce(Q) -> Result<A, Rejection>,
) -> Result<Response, Rejection> {
    let (head, body) = request.into_parts();
    let body =
        Limited::new(body, MOST_MESSAGE).collect().await.map_err(|error| match error
            .is::<LengthLimitError>(
        ) {
            true => OipError::LongCall { limit: MOST_MESSAGE }.into(),
            false => Rejection::BodyIncomplete(error.to_string()),
        })?;
    let no_more = |bytes| Err(OipError::TooLarge { needed: bytes, limit: 0 }.into());
    let (message, _) = frame::message(&head.headers, body.to_bytes(), MOST_MESSAGE, no_more)?;
    let question = Q::decode(message).map_err(|error| GrpcError::Message(error.to_string()))?;
    Ok(frame::answer(&answer(question)?))
}
