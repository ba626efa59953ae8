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

/// Whether requests should be sent here, in every protocol that tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// They are welcome.
    Ready,
    /// The model is being loaded.
    Starting,
    /// The service stops.
    Draining,
    /// The model failed three times in a row.
    Failing,
}

/// How it is now.
pub(super) fn readiness(app: &App) -> Readiness {
    match app.embedder() {
        _ if app.shutdown.draining() => Readiness::Draining,
        Ok(embedder) if embedder.health().failing => Readiness::Failing,
        Ok(_) => Readiness::Ready,
        Err(_) => Readiness::Starting,
    }
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
    match readiness(&app) {
        Readiness::Draining => DRAINING,
        Readiness::Failing => FAILING,
        Readiness::Ready => OK,
        Readiness::Starting => STARTING,
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
