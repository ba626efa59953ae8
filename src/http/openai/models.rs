//! `/v1/models`: the one model that is served, as OpenAI and Infinity list models.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::OpenAiError;
use crate::{
    embedder::{Embedder, TextState},
    http::{App, rejection::Rejection},
};

/// The models that are served.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// `list`.
    #[schema(example = "list")]
    object: &'static str,
    /// One.
    data: Vec<ModelObject>,
}

/// A model that is served.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelObject {
    /// Its name.
    #[schema(example = "ViT-B-32")]
    id: String,
    /// `model`.
    #[schema(example = "model")]
    object: &'static str,
    /// When the service started, in seconds since 1970.
    created: u64,
    /// `infinity`, the one name that Infinity's own client takes.
    #[schema(example = "infinity")]
    owned_by: &'static str,
    /// `cpu` or `cuda`.
    #[schema(example = "cpu")]
    backend: String,
    /// What it embeds: `embed` for texts, `image_embed` for photos.
    #[schema(example = json!(["embed", "image_embed"]))]
    capabilities: Vec<&'static str>,
    /// What it does now.
    stats: ModelStats,
}

/// The load of a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelStats {
    /// Share of the queue that is taken.
    #[schema(example = 0.25)]
    queue_fraction: f64,
    /// Photos and texts that were let in and have no answer.
    #[schema(example = 72)]
    queue_absolute: usize,
    /// The same.
    #[schema(example = 72)]
    results_pending: usize,
    /// Most photos and texts in one forward pass.
    #[schema(example = 4)]
    batch_size: usize,
}

/// The models that are served (OpenAI, Infinity); the same at /models
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "openai",
    responses(
        (status = 200, description = "The models", body = ModelList),
        (status = 503, description = "The weights are being loaded", body = OpenAiError),
    ),
)]
pub(in crate::http) async fn list(
    State(app): State<Arc<App>>,
) -> Result<Json<ModelList>, Rejection> {
    let embedder = app.embedder()?;
    let data = vec![model(&app, &embedder)];
    Ok(Json(ModelList { object: "list", data }))
}

/// The same as /v1/models
#[utoipa::path(
    get,
    path = "/models",
    tag = "openai",
    responses(
        (status = 200, description = "The models", body = ModelList),
        (status = 503, description = "The weights are being loaded", body = OpenAiError),
    ),
)]
#[expect(dead_code, reason = "describes the second name of `list`")]
pub(in crate::http) fn list_without_prefix() {}

/// One model (OpenAI)
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    tag = "openai",
    params(("id" = String, Path, description = "The model's name; it may have slashes", example = "ViT-B-32")),
    responses(
        (status = 200, description = "The model", body = ModelObject),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 503, description = "The weights are being loaded", body = OpenAiError),
    ),
)]
pub(in crate::http) async fn retrieve(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<ModelObject>, Rejection> {
    let embedder = app.embedder()?;
    if !embedder.is(Some(&id), None) {
        let asked = id.chars().take(200).collect();
        return Err(Rejection::NoSuchModel { asked, served: embedder.info().model_name });
    }
    Ok(Json(model(&app, &embedder)))
}

fn model(app: &App, embedder: &Embedder) -> ModelObject {
    let info = embedder.info();
    let texts = matches!(embedder.text_state(), TextState::OnDemand | TextState::Ready);
    let capabilities = texts.then_some("embed").into_iter().chain(["image_embed"]).collect();
    let inside = embedder.admission().inside();
    ModelObject {
        id: info.model_name,
        object: "model",
        created: app.started,
        owned_by: "infinity",
        backend: info.device,
        capabilities,
        stats: ModelStats {
            queue_fraction: inside as f64 / embedder.admission().most_inside() as f64,
            queue_absolute: inside,
            results_pending: inside,
            batch_size: embedder.batch(),
        },
    }
}
