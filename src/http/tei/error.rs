//! Errors in TEI's shape: `{"error", "error_type"}`, with the type's own status.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::rejection::Problem;

/// The body of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TeiError {
    /// What was wrong and what to do, for people.
    #[schema(example = "Failed to decode image 3: the JPEG file is truncated")]
    error: String,
    /// Kind of the mistake.
    error_type: TeiErrorType,
}

/// Kinds of mistakes, as TEI sends them (`router/src/lib.rs`, `ErrorType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub enum TeiErrorType {
    /// The service cannot answer now.
    Unhealthy,
    /// The model failed.
    Backend,
    /// There is too much to do.
    Overloaded,
    /// The request is not what it should be.
    Validation,
    /// There is nothing to embed.
    Empty,
}

/// The error in TEI's shape.
pub(in crate::http) fn write(problem: &Problem) -> (StatusCode, Value) {
    let (status, error_type) = kind(problem);
    (status, json!(TeiError { error: problem.message(), error_type }))
}

fn kind(problem: &Problem) -> (StatusCode, TeiErrorType) {
    match problem.status {
        StatusCode::SERVICE_UNAVAILABLE => (problem.status, TeiErrorType::Unhealthy),
        StatusCode::TOO_MANY_REQUESTS => (problem.status, TeiErrorType::Overloaded),
        status if status.is_server_error() => {
            (StatusCode::FAILED_DEPENDENCY, TeiErrorType::Backend)
        }
        status if problem.code == "no_inputs" => (status, TeiErrorType::Empty),
        // A body over the limit stays what it is; a batch or a photo over a limit is invalid.
        StatusCode::PAYLOAD_TOO_LARGE if problem.code == "body_too_large" => {
            (problem.status, TeiErrorType::Validation)
        }
        StatusCode::BAD_REQUEST
        | StatusCode::UNPROCESSABLE_ENTITY
        | StatusCode::PAYLOAD_TOO_LARGE => {
            (StatusCode::UNPROCESSABLE_ENTITY, TeiErrorType::Validation)
        }
        status => (status, TeiErrorType::Validation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_status() {
        for (status, code, expected, kind) in [
            (400, "no_inputs", 400, "Empty"),
            (400, "corrupt_image", 422, "Validation"),
            (413, "too_many_inputs", 422, "Validation"),
            (413, "body_too_large", 413, "Validation"),
            (422, "invalid_request", 422, "Validation"),
            (401, "unauthorized", 401, "Validation"),
            (408, "body_timeout", 408, "Validation"),
            (429, "busy", 429, "Overloaded"),
            (500, "model_failed", 424, "Backend"),
            (503, "no_model", 503, "Unhealthy"),
        ] {
            let problem = Problem {
                status: StatusCode::from_u16(status).unwrap(),
                detail: "why".into(),
                code,
                index: None,
            };
            let expected = StatusCode::from_u16(expected).unwrap();
            let body = json!({"error": "why", "error_type": kind});
            assert_eq!(write(&problem), (expected, body), "{code}");
        }
    }
}
