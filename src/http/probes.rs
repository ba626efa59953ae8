//! The probes of an orchestrator. They wait for nothing, and load alone never fails them.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;

/// The answer of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct Probe {
    /// `ok`; `starting` until the weights are loaded; `draining` while the service stops.
    #[schema(example = "ok")]
    status: &'static str,
}

type Answer = (StatusCode, Json<Probe>);

const OK: Answer = (StatusCode::OK, Json(Probe { status: "ok" }));
const STARTING: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "starting" }));
const DRAINING: Answer = (StatusCode::SERVICE_UNAVAILABLE, Json(Probe { status: "draining" }));

/// Whether the start is over
#[utoipa::path(
    get,
    path = "/startupz",
    tag = "service",
    responses(
        (status = 200, description = "The weights are loaded", body = Probe),
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
        (status = 503, description = "The weights are being loaded, or the service stops", body = Probe),
    ),
)]
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Answer {
    match app.embedder() {
        _ if app.shutdown.draining() => DRAINING,
        Ok(_) => OK,
        Err(_) => STARTING,
    }
}

/// Whether the process works at all
#[utoipa::path(
    get,
    path = "/livez",
    tag = "service",
    responses((status = 200, description = "The process answers", body = Probe)),
)]
pub(super) async fn livez() -> Answer {
    OK
}
