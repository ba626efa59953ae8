//! gRPC's status for what is answered as any request of HTTP is: a refusal, an error, a route that is
//! not there. It travels in the head, as gRPC has it where no message is sent.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use tonic::{Code, Status};

use super::frame::GRPC;
use crate::http::rejection::Problem;

/// Milliseconds after which a client that retries by itself should (gRFC A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// Wraps every call.
pub(super) async fn translate(request: Request, next: Next) -> Response {
    let is_call = is_grpc(request.headers());
    let response = next.run(request).await;
    match response.extensions().get::<Problem>() {
        // Somebody with a browser reads plain HTTP.
        Some(problem) if is_call => told(problem, &response),
        _ => response,
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    kind.starts_with(GRPC.as_bytes())
}

fn told(problem: &Problem, response: &Response) -> Response {
    let mut told = Status::new(code(problem), problem.message()).into_http::<Body>();
    let retry_after = response.headers().get(header::RETRY_AFTER);
    let seconds = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse::<u64>().ok());
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            told.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(seconds) = seconds {
        told.headers_mut().insert(PUSHBACK, HeaderValue::from(seconds.saturating_mul(1000)));
    }
    told
}

/// The code for a status of HTTP.
fn code(problem: &Problem) -> Code {
    match problem.status {
        _ if ["not_served", "unsupported_encoding", "not_found"].contains(&problem.code) => {
            Code::Unimplemented
        }
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::Unimplemented,
        StatusCode::REQUEST_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_server_error() => Code::Internal,
        _ => Code::InvalidArgument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_code() {
        for (status, code, expected) in [
            (400, "invalid_inference", Code::InvalidArgument),
            (400, "not_served", Code::Unimplemented),
            (401, "unauthorized", Code::Unauthenticated),
            (404, "unknown_model", Code::NotFound),
            (404, "not_found", Code::Unimplemented),
            (405, "method_not_allowed", Code::Unimplemented),
            (408, "deadline_exceeded", Code::DeadlineExceeded),
            (413, "body_too_large", Code::ResourceExhausted),
            (422, "invalid_request", Code::InvalidArgument),
            (429, "busy", Code::ResourceExhausted),
            (500, "internal", Code::Internal),
            (503, "stopping", Code::Unavailable),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let problem = Problem { status, detail: "".into(), code, index: None };
            assert_eq!(super::code(&problem), expected, "{status} {code}");
        }
    }
}
