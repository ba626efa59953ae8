//! The shapes in which other protocols tell errors: each by its paths, whoever the error comes from.

use axum::{
    Json,
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{oip, openai, rejection::Problem, tei};

/// Status and body of an error in one protocol.
pub(super) type Write = fn(&Problem) -> (StatusCode, Value);

/// Protocols by the first step of their paths; all others are the native one.
const PROTOCOLS: [(&str, Write); 6] = [
    ("/v1", openai::error::write),
    ("/embeddings", openai::error::write),
    ("/embeddings_image", openai::error::write),
    ("/models", openai::error::write),
    ("/info", tei::error::write),
    (oip::PREFIX, oip::shape),
];

/// Wraps every request.
pub(super) async fn shape(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let within = |(first, _): &&(&str, Write)| {
        path.strip_prefix(*first).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let write = PROTOCOLS.iter().find(within).map(|(_, write)| *write);
    let response = next.run(request).await;
    match write {
        Some(write) => reshape(response, write),
        None => response,
    }
}

/// The error of `response` as `write` has it, with the same headers; anything else as it is.
pub(super) fn reshape(response: Response, write: Write) -> Response {
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let (status, body) = write(problem);
    let (mut head, _) = response.into_parts();
    let (body_head, body) = (status, Json(body)).into_response().into_parts();
    head.status = body_head.status;
    head.headers.extend(body_head.headers);
    Response::from_parts(head, body)
}
