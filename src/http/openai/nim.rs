//! What NVIDIA's NIMs tell of themselves, under `/v1` beside the embeddings; `/v1/metrics` is
//! `/metrics`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::OpenAiError;
use crate::http::{App, probes, rejection::Rejection};

/// The answer of NIM's probes.
#[derive(Debug, Serialize, ToSchema)]
pub struct NimHealth {
    /// `health.response`.
    #[schema(example = "health.response")]
    object: &'static str,
    /// As the probes of this service say it: `ok`, `starting`, `draining`, `failing` or `stuck`.
    #[schema(example = "ok")]
    message: &'static str,
    /// Whether the process works, of the one that asks for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<bool>,
    /// Whether requests are welcome, of the one that asks for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<bool>,
}

/// The answer of `/v1/version`.
#[derive(Debug, Serialize, ToSchema)]
pub struct NimVersion {
    /// Version of this service.
    #[schema(example = "0.1.0")]
    release: &'static str,
    /// The same.
    #[schema(example = "0.1.0")]
    api: &'static str,
}

/// The answer of `/v1/metadata`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NimMetadata {
    /// Version of this service.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// The model that is served.
    model_info: Vec<NimModel>,
    /// What the service's own files are licensed under.
    license_info: NimLicense,
    /// Files beside the model: none.
    asset_info: Vec<String>,
}

/// A model in `/v1/metadata`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NimModel {
    /// Its name.
    #[schema(example = "ViT-B-32")]
    short_name: String,
    /// Tag, path or place of its weights.
    #[schema(example = "openai")]
    model_url: String,
}

/// A license in `/v1/metadata`.
#[derive(Debug, Serialize, ToSchema)]
pub struct NimLicense {
    /// Its name.
    #[schema(example = "Apache-2.0 OR MIT")]
    name: &'static str,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Whether the process works at all (NIM): /livez in NIM's words
#[utoipa::path(
    get,
    path = "/v1/health/live",
    tag = "openai",
    responses(
        (status = 200, description = "The process works, or loads its model", body = NimHealth),
        (status = 503, description = "The model is stuck", body = NimHealth),
    ),
)]
pub(in crate::http) async fn live(app: State<Arc<App>>) -> (StatusCode, Json<NimHealth>) {
    let (status, Json(probe)) = probes::livez(app).await;
    let (live, ready) = (Some(status == StatusCode::OK), None);
    let message = probe.status;
    (status, Json(NimHealth { object: "health.response", message, live, ready }))
}

/// Whether requests should be sent here (NIM): /readyz in NIM's words
#[utoipa::path(
    get,
    path = "/v1/health/ready",
    tag = "openai",
    responses(
        (status = 200, description = "Requests are welcome", body = NimHealth),
        (
            status = 503,
            description = "The weights are being loaded, the service stops, or the model fails",
            body = NimHealth,
        ),
    ),
)]
pub(in crate::http) async fn ready(app: State<Arc<App>>) -> (StatusCode, Json<NimHealth>) {
    let (status, Json(probe)) = probes::readyz(app).await;
    let (live, ready) = (None, Some(status == StatusCode::OK));
    let message = probe.status;
    (status, Json(NimHealth { object: "health.response", message, live, ready }))
}

/// The version of the service (NIM)
#[utoipa::path(
    get,
    path = "/v1/version",
    tag = "openai",
    responses((status = 200, description = "The version", body = NimVersion)),
)]
pub(in crate::http) async fn version() -> Json<NimVersion> {
    Json(NimVersion { release: VERSION, api: VERSION })
}

/// The service and its model (NIM)
#[utoipa::path(
    get,
    path = "/v1/metadata",
    tag = "openai",
    responses(
        (status = 200, description = "The service and its model", body = NimMetadata),
        (status = 503, description = "The weights are being loaded", body = OpenAiError),
    ),
)]
pub(in crate::http) async fn metadata(
    State(app): State<Arc<App>>,
) -> Result<Json<NimMetadata>, Rejection> {
    let info = app.embedder()?.info();
    let model = NimModel { short_name: info.model_name, model_url: info.pretrained };
    Ok(Json(NimMetadata {
        version: VERSION,
        model_info: vec![model],
        license_info: NimLicense { name: env!("CARGO_PKG_LICENSE") },
        asset_info: Vec::new(),
    }))
}

/// The same as /metrics (NIM)
#[utoipa::path(
    get,
    path = "/v1/metrics",
    tag = "openai",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")),
)]
#[expect(dead_code, reason = "describes the second name of `metrics`")]
pub(in crate::http) fn metrics() {}
