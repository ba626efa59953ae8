//! The probes of an orchestrator. They wait for nothing, and load alone never fails them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;

/// The answer of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct Probe {
    /// `ok`; `starting` until the model is loaded and has passed its warm-up; `draining` while the
    /// service stops; `failing` while the model fails; `stuck` when it has stopped for good.
    #[schema(example = "ok")]
    pub(super) status: &'static str,
}

type Answer = (StatusCode, Json<Probe>);

const OK: Answer = (StatusCode::OK, Json(Probe { status: "ok" }));
const STARTING: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "starting" }));
const FAILING: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "failing" }));
const STUCK: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "stuck" }));
const DRAINING: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "draining" }));

/// Whether the start is over
#[utoipa::path(
    get,
    path = "/startupz",
    tag = "service",
    responses(
        (status = 200, description = "The model is loaded and has passed its warm-up", body = Probe),
        (status = 503, description = "The weights are being loaded", body = Probe),
    ),
)]
pub(super) async fn startupz(State(app): State<Arc<App>>) -> Answer {
    if app.embedder().is_ok() { OK } else { STARTING }
}

/// Whether requests should be sent here
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, description = "Requests are welcome", body = Probe),
        (
            status = 503,
            description = "The weights are being loaded, the service stops, or the model failed \
                           three times in a row",
            body = Probe,
        ),
    ),
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Answer {
    match app.embedder() {
        _ if app.shutdown.draining() => DRAINING,
        Ok(embedder) if embedder.health().failing => FAILING,
        Ok(_) => OK,
        Err(_) => STARTING,
    }
}

/// Whether the process works at all
#[utoipa::path(
    get,
    path = "/livez",
    tag = "service",
    responses(
        (status = 200, description = "The process works, or loads its model", body = Probe),
        (
            status = 503,
            description = "The model has had work for 60 seconds and has not moved: restart",
            body = Probe,
        ),
    ),
)]
pub(super) async fn livez(State(app): State<Arc<App>>) -> Answer {
    match app.embedder() {
        Ok(embedder) if embedder.health().stuck => STUCK,
        _ => OK,
    }
}
