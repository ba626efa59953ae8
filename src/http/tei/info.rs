//! `/info`: the model and the limits, in TEI's words.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::TeiError;
use crate::http::{App, rejection::Rejection};

/// The answer of `/info`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeiInfo {
    /// Name of the model.
    #[schema(example = "ViT-B-32")]
    model_id: String,
    /// Revision of its weights: not told.
    model_sha: Option<String>,
    /// Type that the model computes in.
    #[schema(example = "float32")]
    model_dtype: &'static str,
    /// The name that answers bear.
    #[schema(example = "ViT-B-32")]
    served_model_name: String,
    /// What it does.
    model_type: TeiModelType,
    /// Photos and texts that may be inside at the same time.
    #[schema(example = 288)]
    max_concurrent_requests: usize,
    /// Most tokens of a text, its start and its end included; 0 where no texts are embedded.
    #[schema(example = 77)]
    max_input_length: usize,
    /// Most tokens of a forward pass of texts.
    #[schema(example = 308)]
    max_batch_tokens: usize,
    /// Most inputs of a forward pass.
    #[schema(example = 4)]
    max_batch_requests: Option<usize>,
    /// Most inputs of a request.
    #[schema(example = 256)]
    max_client_batch_size: usize,
    /// Whether texts that are too long are cut unasked.
    #[schema(example = false)]
    auto_truncate: bool,
    /// Threads that read texts.
    #[schema(example = 2)]
    tokenization_workers: usize,
    /// Version of this service.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Revision of this service: not told.
    sha: Option<&'static str>,
    /// Not told.
    docker_label: Option<&'static str>,
}

/// What a model does.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeiModelType {
    /// It embeds.
    embedding: TeiPooling,
}

/// Where a text's embedding is taken from.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeiPooling {
    /// The end token.
    #[schema(example = "last_token")]
    pooling: &'static str,
}

/// The model and the limits (TEI)
#[utoipa::path(
    get,
    path = "/info",
    tag = "tei",
    responses(
        (status = 200, description = "The model and the limits", body = TeiInfo),
        (status = 503, description = "The weights are being loaded", body = TeiError),
    ),
)]
pub(in crate::http) async fn info(State(app): State<Arc<App>>) -> Result<Json<TeiInfo>, Rejection> {
    let embedder = app.embedder()?;
    let info = embedder.info();
    let context = embedder.architecture().text.as_ref().map_or(0, |text| text.context_length);
    let batch = embedder.batch();
    Ok(Json(TeiInfo {
        model_id: info.model_name.clone(),
        model_sha: None,
        model_dtype: dtype(&info.precision),
        served_model_name: info.model_name,
        model_type: TeiModelType { embedding: TeiPooling { pooling: "last_token" } },
        max_concurrent_requests: embedder.admission().most_inside(),
        max_input_length: context,
        max_batch_tokens: context.saturating_mul(batch),
        max_batch_requests: Some(batch),
        max_client_batch_size: app.limits.images,
        auto_truncate: false,
        tokenization_workers: embedder.threads(),
        version: env!("CARGO_PKG_VERSION"),
        sha: None,
        docker_label: None,
    }))
}

/// TEI's name of a precision.
fn dtype(precision: &str) -> &'static str {
    match precision {
        "f16" => "float16",
        "bf16" => "bfloat16",
        "int8" => "int8",
        _ => "float32",
    }
}
