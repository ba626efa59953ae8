//! The routes that only tell: health, the model, the GPUs, metrics. They wait for nothing.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    App, clock,
    rejection::{ErrorBody, Rejection},
};
use crate::{
    metrics,
    model::{ModelInfo, gpus::Gpu},
};

/// The answer of `/health`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `starting` until the weights are loaded.
    #[schema(example = "ok")]
    status: &'static str,
    /// The model that is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ViT-B-32")]
    model: Option<String>,
    /// The time, in seconds since 1970, as Infinity tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1_767_225_600.5)]
    unix: Option<f64>,
}

/// The answer of `/model-info`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelAnswer {
    /// What the model is.
    #[serde(flatten)]
    model: ModelInfo,
    /// Whether texts are embedded: `ready`, `on_demand` (with the first one), `off` (`--text`), or
    /// `none` where the model has no text tower.
    #[schema(example = "on_demand")]
    text: &'static str,
}

/// The answer of `/gpu-info`.
#[derive(Debug, Serialize, ToSchema)]
pub struct GpuInfo {
    /// Whether the model can run on a GPU here.
    cuda_available: bool,
    /// Version of CUDA.
    cuda_version: Option<String>,
    /// How many GPUs there are.
    device_count: usize,
    /// Whether the model runs on one.
    model_on_gpu: bool,
    /// Device of the model, where there is a GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_device: Option<&'static str>,
    /// The GPUs, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    devices: Option<Vec<Gpu>>,
    /// Why there is no GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

/// Whether the service can embed; the same at /healthz
#[utoipa::path(
    get,
    path = "/health",
    tag = "service",
    responses(
        (status = 200, description = "The weights are loaded", body = Health),
        (status = 503, description = "The weights are being loaded", body = Health),
    ),
)]
pub(super) async fn health(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.embedder() {
        Ok(embedder) => {
            let model = Some(embedder.info().model_name);
            let unix = Some(clock::since_1970().as_secs_f64());
            (StatusCode::OK, Json(Health { status: "ok", model, unix }))
        }
        Err(_) => {
            let starting = Health { status: "starting", model: None, unix: None };
            (StatusCode::SERVICE_UNAVAILABLE, Json(starting))
        }
    }
}

/// The same as /health
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    responses(
        (status = 200, description = "The weights are loaded", body = Health),
        (status = 503, description = "The weights are being loaded", body = Health),
    ),
)]
#[expect(dead_code, reason = "describes the second name of `health`")]
pub(super) fn healthz() {}

/// The model that is served
#[utoipa::path(
    get,
    path = "/model-info",
    tag = "service",
    responses(
        (status = 200, description = "The model", body = ModelAnswer),
        (status = 503, description = "The weights are being loaded", body = ErrorBody),
    ),
)]
pub(super) async fn model_info(
    State(app): State<Arc<App>>,
) -> Result<Json<ModelAnswer>, Rejection> {
    let embedder = app.embedder()?;
    let text = embedder.text_state().label();
    Ok(Json(ModelAnswer { model: embedder.info(), text }))
}

/// The GPUs, and whether the model runs on one
#[utoipa::path(
    get,
    path = "/gpu-info",
    tag = "service",
    responses((status = 200, description = "The GPUs", body = GpuInfo)),
)]
pub(super) async fn gpu_info(State(app): State<Arc<App>>) -> Json<GpuInfo> {
    let gpus = app.embedder().map(|embedder| embedder.gpus().clone()).unwrap_or_default();
    let available = !gpus.devices.is_empty();
    let model_on_gpu = gpus.devices.iter().any(|gpu| gpu.current_device);
    Json(GpuInfo {
        cuda_available: available,
        cuda_version: gpus.cuda_version,
        device_count: gpus.devices.len(),
        model_on_gpu,
        model_device: available.then_some(if model_on_gpu { "cuda:0" } else { "cpu" }),
        devices: available.then_some(gpus.devices),
        warning: (!available).then_some("CUDA not available - running on CPU"),
    })
}

/// Metrics in Prometheus' text format
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain")),
)]
pub(super) async fn metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    // The version is part of the format's content type.
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        metrics::render(&app.metrics),
    )
}
