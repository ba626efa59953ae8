//! Every way in which a request can fail, and the status and body that its client reads.
//!
//! Bodies are the original's, `{"detail": ...}`, with a stable `code` beside. This is the one place
//! that turns causes into statuses.

mod problem;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
pub(super) use problem::Problem;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    authorization::Unauthorized, connection::CLOSE, encoding::TAKEN, grpc::error::GrpcError,
    oip::error::OipError,
};
use crate::{
    admission::Refusal,
    embedder::{PhotoError, TextRefusal},
    metrics,
    model::ModelInfo,
    preprocess::ImageError,
    upload::json::FieldError,
};

/// Why a request fails.
#[derive(Debug)]
pub enum Rejection {
    /// The weights are not loaded yet.
    NoModel,
    /// The list of photos is empty.
    NoImages,
    /// The form has no part `files`.
    NoFiles,
    /// There is nothing to embed.
    NoInputs,
    /// More inputs than a request may have.
    TooManyInputs {
        /// How many it has.
        found: usize,
        /// `--max-images`.
        limit: usize,
    },
    /// A text has more tokens than the model reads, and may not be cut.
    TextTooLong {
        /// Its place in the request, from 0.
        index: usize,
        /// Tokens that the model reads.
        most: usize,
    },
    /// A photo cannot be embedded.
    Photo {
        /// Its place in the request, from 0.
        index: usize,
        /// Why.
        error: PhotoError,
    },
    /// The JSON or the query is not what it should be.
    Validation(Vec<FieldError>),
    /// The request names a model that is not served.
    OtherModel {
        /// What it named.
        asked: String,
        /// What is served.
        served: Box<ModelInfo>,
    },
    /// There is no model of this name to be told of.
    NoSuchModel {
        /// The name.
        asked: String,
        /// The model that is served.
        served: String,
    },
    /// More photos than a request may have.
    TooManyImages {
        /// How many it has.
        found: usize,
        /// `--max-images`.
        limit: usize,
    },
    /// A larger body than a request may have.
    BodyTooLarge {
        /// Its length, where the client said it.
        found: Option<u64>,
        /// `--max-body-bytes`.
        limit: usize,
    },
    /// The body came too slowly.
    BodyTimeout {
        /// So many bytes should have come.
        least: u64,
        /// In this time.
        window: Duration,
        /// The setting that says so.
        setting: &'static str,
    },
    /// The body broke off.
    BodyIncomplete(String),
    /// The form cannot be read.
    Multipart(String),
    /// A content type that the route does not take.
    ContentType(String),
    /// The request has no API key, where the service wants one.
    Unauthorized(Unauthorized),
    /// A coding of the body that is not taken.
    ContentEncoding(String),
    /// The body is not in the coding that it says.
    Encoding(String),
    /// No such route.
    NotFound,
    /// The route has other methods.
    MethodNotAllowed,
    /// The service has too much to do.
    Busy(Refusal),
    /// Texts are not embedded.
    Text(TextRefusal),
    /// The Open Inference Protocol does not allow it, or has no such model.
    Oip(OipError),
    /// It is no call of gRPC.
    Grpc(GrpcError),
    /// The model failed on the request; the log says how.
    Model,
    /// The service stops and cannot wait for the answer.
    Stopping,
    /// A fault of the service.
    Internal,
}

/// The body of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorBody {
    /// What was wrong and what to do, for people; for a body that fails validation FastAPI's list.
    #[schema(value_type = Value, example = "Failed to decode image 3: the JPEG file is truncated")]
    pub detail: Value,
    /// What was wrong, for programs; stable.
    #[schema(example = "truncated_image")]
    pub code: &'static str,
    /// Place of the photo at fault in the request, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub index: Option<usize>,
}

impl From<OipError> for Rejection {
    fn from(error: OipError) -> Self {
        Self::Oip(error)
    }
}

impl From<GrpcError> for Rejection {
    fn from(error: GrpcError) -> Self {
        Self::Grpc(error)
    }
}

impl From<TextRefusal> for Rejection {
    fn from(refusal: TextRefusal) -> Self {
        Self::Text(refusal)
    }
}
/// How a client that had no API key has to send one (RFC 6750, section 3).
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");

/// Seconds after which a client that found no model, or no memory, may ask again.
const RETRY_AFTER: u64 = 1;

impl Rejection {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoModel
            | Self::Stopping
            | Self::Text(TextRefusal::NoMemory { .. } | TextRefusal::Busy | TextRefusal::Failed)
            | Self::Photo { error: PhotoError::Image(ImageError::OutOfMemory { .. }), .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Photo { error: PhotoError::Panicked, .. } | Self::Model | Self::Internal => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Photo { error: PhotoError::TooLarge { .. }, .. }
            | Self::Oip(OipError::TooLarge { .. } | OipError::LongCall { .. }) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Oip(OipError::UnknownModel { .. } | OipError::UnknownVersion { .. }) => {
                StatusCode::NOT_FOUND
            }
            Self::Grpc(GrpcError::Deadline) => StatusCode::REQUEST_TIMEOUT,
            // Whatever else is wrong with a photo is a 400, as its clients know it from the original.
            Self::NoImages
            | Self::NoFiles
            | Self::NoInputs
            | Self::TextTooLong { .. }
            | Self::Photo { .. }
            | Self::OtherModel { .. }
            | Self::Text(TextRefusal::Off | TextRefusal::None { .. })
            | Self::BodyIncomplete(_)
            | Self::Encoding(_)
            | Self::Oip(_)
            | Self::Grpc(_)
            | Self::Multipart(_) => StatusCode::BAD_REQUEST,
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyImages { .. } | Self::TooManyInputs { .. } | Self::BodyTooLarge { .. } => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::ContentType(_) | Self::ContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotFound | Self::NoSuchModel { .. } => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoModel => "no_model",
            Self::NoImages => "no_images",
            Self::NoFiles => "no_files",
            Self::NoInputs => "no_inputs",
            Self::TextTooLong { .. } => "text_too_long",
            Self::Photo { error, .. } => error.code(),
            Self::Validation(errors) if errors.iter().any(|e| e.kind == "json_invalid") => {
                "invalid_json"
            }
            Self::Validation(_) => "invalid_request",
            Self::OtherModel { .. } => "other_model",
            Self::NoSuchModel { .. } => "model_not_found",
            Self::TooManyImages { .. } => "too_many_images",
            Self::TooManyInputs { .. } => "too_many_inputs",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyTimeout { .. } => "body_timeout",
            Self::BodyIncomplete(_) => "incomplete_body",
            Self::Multipart(_) => "invalid_multipart",
            Self::ContentType(_) => "unsupported_content_type",
            Self::Unauthorized(_) => "unauthorized",
            Self::ContentEncoding(_) => "unsupported_encoding",
            Self::Encoding(_) => "invalid_encoding",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Busy(_) => "busy",
            Self::Text(TextRefusal::Off) => "text_off",
            Self::Text(TextRefusal::None { .. }) => "no_text_tower",
            Self::Text(_) => "text_unavailable",
            Self::Oip(error) => error.code(),
            Self::Grpc(error) => error.code(),
            Self::Model => "model_failed",
            Self::Stopping => "stopping",
            Self::Internal => "internal",
        }
    }

    /// Why the service does not take a request that is in order; a label for metrics.
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::NoModel => Some("starting"),
            Self::BodyTooLarge { .. } | Self::TooManyImages { .. } | Self::TooManyInputs { .. } => {
                Some("too_large")
            }
            Self::Unauthorized(_) => Some("unauthorized"),
            Self::Busy(refusal) => Some(refusal.reason()),
            Self::Stopping => Some("stopping"),
            _ => None,
        }
    }

    fn detail(&self) -> Value {
        match self {
            Self::NoModel => "No model loaded".into(),
            Self::NoImages => "No images provided".into(),
            Self::NoFiles => "No files provided".into(),
            Self::NoInputs => "No inputs provided: there is nothing to embed".into(),
            Self::TooManyInputs { found, limit } => format!(
                "{found} inputs in one request, photos and texts together; the limit is {limit} \
                 (--max-images): send several requests"
            )
            .into(),
            Self::TextTooLong { index, most } => format!(
                "Text {index} has more than {most} tokens, which is all that the model reads: shorten \
                 it, or let it be cut (truncate)"
            )
            .into(),
            Self::Photo { index, error } => {
                format!("Failed to decode image {index}: {error}").into()
            }
            Self::Validation(errors) => json!(errors),
            Self::OtherModel { asked, served } => format!(
                "This service serves {} with the weights {} and no other; the request names \
                 {asked}. Leave model_name and pretrained out, or start a service with that model",
                served.model_name, served.pretrained
            )
            .into(),
            Self::NoSuchModel { asked, served } => {
                format!("The model {asked} does not exist here; this service serves {served}").into()
            }
            Self::TooManyImages { found, limit } => format!(
                "{found} images in one request, the limit is {limit} (--max-images): send several \
                 requests"
            )
            .into(),
            Self::BodyTooLarge { found, limit } => {
                let found = match found {
                    Some(found) => format!("{found} bytes"),
                    None => "a body (where it is compressed: when it is expanded)".to_owned(),
                };
                format!("{found} over the limit of {limit} bytes (--max-body-bytes): send less")
                    .into()
            }
            Self::BodyTimeout { least, window, setting } => format!(
                "The body came too slowly: fewer than {least} bytes in {window:?} ({setting}); send \
                 it again over a faster connection"
            )
            .into(),
            Self::BodyIncomplete(reason) => format!("The body broke off: {reason}").into(),
            Self::Multipart(reason) => {
                format!("There was an error parsing the body: {reason}").into()
            }
            Self::ContentType(found) => format!(
                "Content type {found} is not taken here; send application/json, \
                 multipart/form-data, image/* or application/octet-stream"
            )
            .into(),
            Self::Unauthorized(reason) => reason.to_string().into(),
            Self::ContentEncoding(found) => format!(
                "Content encoding {found} is not taken here; send the body in one of {TAKEN}, or as it \
                 is"
            )
            .into(),
            Self::Encoding(reason) => format!(
                "The body is not in the encoding that its Content-Encoding says: {reason}; compress it \
                 anew, or send it as it is"
            )
            .into(),
            Self::NotFound => "Not Found".into(),
            Self::MethodNotAllowed => "Method Not Allowed".into(),
            Self::Busy(refusal) => refusal.to_string().into(),
            Self::Text(refusal) => refusal.to_string().into(),
            Self::Oip(error) => error.to_string().into(),
            Self::Grpc(error) => error.to_string().into(),
            Self::Model => {
                "The model failed on this request; the log of the service says why".into()
            }
            Self::Stopping => "the service is stopping".into(),
            Self::Internal => "Internal Server Error".into(),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let index = match self {
            Self::Photo { index, .. } | Self::TextTooLong { index, .. } => Some(index),
            _ => None,
        };
        if let Some(reason) = self.refusal() {
            metrics::refused(reason);
        }
        let code = self.code();
        let status = self.status();
        static TURN: AtomicU64 = AtomicU64::new(0);
        let retry_after = match self {
            // Those who were refused together must not all come back together.
            Self::Busy(refusal) => {
                Some(refusal.retry_after() + TURN.fetch_add(1, Ordering::Relaxed) % 2)
            }
            _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(RETRY_AFTER),
            _ => None,
        };
        let refused_coding = matches!(self, Self::ContentEncoding(_));
        let problem = Problem { status, detail: self.detail(), code, index };
        let body = Json(ErrorBody { detail: problem.detail.clone(), code, index });
        let mut response = (status, body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if refused_coding {
            // RFC 9110, section 12.5.3: what would have been taken.
            response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static(TAKEN));
        }
        // What the client still sends belongs to nothing that could be answered. (Other refusals may
        // come before the body has been read: a connection that is closed then loses its answer.)
        if status == StatusCode::REQUEST_TIMEOUT {
            response.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, BEARER);
        }
        response.extensions_mut().insert(problem);
        response
    }
}
