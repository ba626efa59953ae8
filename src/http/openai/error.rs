//! Errors in the shape that OpenAI's SDKs parse: `{"error": {"message", "type", "param", "code"}}`.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::rejection::Problem;

/// The body of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OpenAiError {
    /// What was wrong.
    error: OpenAiProblem,
}

/// What was wrong with a request.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OpenAiProblem {
    /// What was wrong and what to do, for people.
    #[schema(example = "Failed to decode image 3: the JPEG file is truncated")]
    message: String,
    /// `invalid_request_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    kind: &'static str,
    /// The field at fault, if it is one.
    #[schema(example = "input")]
    param: Option<String>,
    /// What was wrong, for programs; stable.
    #[schema(example = "truncated_image")]
    code: &'static str,
}

/// The error in OpenAI's shape. Whatever is wrong with a request that came whole is a 400.
pub(in crate::http) fn write(problem: &Problem) -> (StatusCode, Value) {
    let status = match problem.status {
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        StatusCode::PAYLOAD_TOO_LARGE if problem.code != "body_too_large" => {
            StatusCode::BAD_REQUEST
        }
        status => status,
    };
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        status if status.is_server_error() => "server_error",
        _ => "invalid_request_error",
    };
    let error = OpenAiProblem {
        message: problem.message(),
        kind,
        param: param(problem),
        code: problem.code,
    };
    (status, json!(OpenAiError { error }))
}

fn param(problem: &Problem) -> Option<String> {
    let input = problem.index.is_some() || ["no_inputs", "too_many_inputs"].contains(&problem.code);
    let field = || problem.detail[0]["loc"][1].as_str().map(str::to_owned);
    if input { Some("input".to_owned()) } else { field() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, type and param of an error with this status and code.
    fn written(status: u16, code: &'static str, index: Option<usize>) -> (u16, String, Value) {
        let status = StatusCode::from_u16(status).unwrap();
        let (status, body) = write(&Problem { status, detail: "why".into(), code, index });
        let error = &body["error"];
        assert_eq!((&error["message"], &error["code"]), (&json!("why"), &json!(code)));
        (status.as_u16(), error["type"].as_str().unwrap().to_owned(), error["param"].clone())
    }

    #[test]
    fn statuses_are_those_that_sdks_know() {
        for (status, code, index, expected, kind, param) in [
            (422, "invalid_request", None, 400, "invalid_request_error", Value::Null),
            (400, "corrupt_image", Some(3), 400, "invalid_request_error", json!("input")),
            (413, "too_many_inputs", None, 400, "invalid_request_error", json!("input")),
            (413, "too_large_to_decode", Some(0), 400, "invalid_request_error", json!("input")),
            (413, "body_too_large", None, 413, "invalid_request_error", Value::Null),
            (401, "unauthorized", None, 401, "invalid_request_error", Value::Null),
            (408, "body_timeout", None, 408, "invalid_request_error", Value::Null),
            (429, "busy", None, 429, "rate_limit_error", Value::Null),
            (500, "model_failed", None, 500, "server_error", Value::Null),
            (503, "stopping", None, 503, "server_error", Value::Null),
        ] {
            assert_eq!(written(status, code, index), (expected, kind.to_owned(), param), "{code}");
        }
    }
}
