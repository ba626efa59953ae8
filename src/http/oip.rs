//! The Open Inference Protocol, version 2, over HTTP, as KServe's and Triton's clients speak it
//! (`docs/clients-triton.md`). A request to infer goes the one way of all ([`super::passage`]); its
//! numbers and files stay parts of its body. [`super::grpc`] speaks the same over gRPC.

mod document;
pub mod error;
mod infer;
pub(super) mod inference;
mod json;
pub mod messages;
pub(super) mod metadata;
pub(super) mod models;
mod route;
pub(super) mod statistics;
pub(super) mod tensor;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::{
    error::OipError,
    json::Object,
    messages::{
        ModelConfig, ModelMetadataResponse, ModelStatisticsResponse, ServerLiveResponse,
        ServerMetadataResponse, ServerReadyResponse, repository_index_response::ModelIndex,
    },
    route::Named,
};
use super::{
    App,
    probes::{Readiness, readiness},
    rejection::{Problem, Rejection},
};
use crate::upload;

pub(super) use document::document;

/// The first step of all paths.
pub(super) const PREFIX: &str = "/v2";

/// All routes under [`PREFIX`].
pub(super) fn routes() -> Router<Arc<App>> {
    let mut routes = Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(health_ready))
        .route("/v2/models/stats", get(async || Json(statistics::statistics(None))))
        .route("/v2/repository/index", post(index))
        .route("/v2/repository/models/{model}/load", post(load))
        .route("/v2/repository/models/{model}/unload", post(load));
    for model in ["/v2/models/{model}", "/v2/models/{model}/versions/{version}"] {
        routes = routes
            .route(model, get(metadata))
            .route(&format!("{model}/ready"), get(ready))
            .route(&format!("{model}/config"), get(config))
            .route(&format!("{model}/stats"), get(stats))
            .route(&format!("{model}/infer"), post(infer::infer));
    }
    routes
}

/// An error as the protocol tells it.
pub(super) fn shape(problem: &Problem) -> (StatusCode, Value) {
    let status = match problem.status {
        // Not a status of the protocol.
        StatusCode::UNPROCESSABLE_ENTITY => StatusCode::BAD_REQUEST,
        status => status,
    };
    (status, json!({ "error": problem.message() }))
}

async fn server() -> Json<ServerMetadataResponse> {
    Json(metadata::server())
}

async fn live() -> Json<ServerLiveResponse> {
    Json(ServerLiveResponse { live: true })
}

/// As in Triton, 400 says no; what KServe's clients look at stands in the body.
fn yes(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

async fn health_ready(State(app): State<Arc<App>>) -> (StatusCode, Json<ServerReadyResponse>) {
    let ready = readiness(&app) == Readiness::Ready;
    (yes(ready), Json(ServerReadyResponse { ready }))
}

/// Whether a model answers.
#[derive(Debug, Serialize, ToSchema)]
struct ModelReady {
    /// Name of the model.
    #[schema(example = "clip_vit_b32")]
    name: &'static str,
    /// Whether it does.
    ready: bool,
}

async fn ready(
    State(app): State<Arc<App>>,
    Named(served): Named,
) -> (StatusCode, Json<ModelReady>) {
    let ready = metadata::ready(&app, served).is_ok();
    (yes(ready), Json(ModelReady { name: served.name, ready }))
}

async fn metadata(
    State(app): State<Arc<App>>,
    Named(served): Named,
) -> Result<Json<ModelMetadataResponse>, Rejection> {
    Ok(Json(metadata::model(served, app.embedder()?.architecture())))
}

async fn config(
    State(app): State<Arc<App>>,
    Named(served): Named,
) -> Result<Json<ModelConfig>, Rejection> {
    Ok(Json(metadata::config(served, app.embedder()?.architecture(), app.limits.images)))
}

async fn stats(Named(served): Named) -> Json<ModelStatisticsResponse> {
    Json(statistics::statistics(Some(served)))
}

/// The body of a request for the index.
#[derive(Deserialize)]
struct IndexRequest {
    ready: Option<bool>,
}

/// Bytes of such a body.
const INDEX_BYTES: usize = 4096;

async fn index(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<Vec<ModelIndex>>, Rejection> {
    let body = axum::body::to_bytes(request.into_body(), INDEX_BYTES).await;
    let body = body.map_err(|_| OipError::LongCall { limit: INDEX_BYTES })?;
    let wanted: Option<Object<IndexRequest>> = match body.is_empty() {
        true => None,
        false => upload::json::read(&body).map_err(Rejection::Validation)?,
    };
    let only_ready = wanted.and_then(|wanted| wanted.0.ready).unwrap_or(false);
    Ok(Json(metadata::index(&app, only_ready)))
}

async fn load() -> Rejection {
    OipError::NotServed("loading and unloading models (one process has one model)".into()).into()
}
