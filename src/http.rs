//! The HTTP interface: the original service's, and a few routes more.
//!
//! [`router`] is the API, [`admin`] the second listener's part of it. Handlers that embed are in
//! [`embed`], those that only tell in [`info`]; [`rejection`] is the one place that knows statuses.

mod accept;
mod body;
pub mod connection;
mod embed;
mod info;
mod multipart;
mod observe;
pub mod openapi;
mod probes;
pub mod rejection;
mod rescue;
mod schema;
pub mod server;

use std::sync::{Arc, OnceLock};

use axum::{
    Router, middleware,
    routing::{get, post},
};
use metrics_exporter_prometheus::PrometheusHandle;
use rejection::Rejection;

use crate::{embedder::Embedder, shutdown::Shutdown, upload::Limits};

/// What every handler needs.
#[derive(Debug)]
pub struct App {
    embedder: OnceLock<Arc<Embedder>>,
    limits: Limits,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
}

impl App {
    /// A service that has no model yet.
    pub fn new(limits: Limits, metrics: PrometheusHandle, shutdown: Shutdown) -> Self {
        Self { embedder: OnceLock::new(), limits, metrics, shutdown }
    }

    /// The model is loaded; a second one changes nothing.
    pub fn ready(&self, embedder: Arc<Embedder>) {
        let info = embedder.info();
        crate::metrics::model(&[
            ("model_name", info.model_name),
            ("pretrained", info.pretrained),
            ("device", info.device),
            ("activation", info.activation),
            ("precision", info.precision),
        ]);
        // The first stays: one process serves one model.
        let _ = self.embedder.set(embedder);
    }

    fn embedder(&self) -> Result<Arc<Embedder>, Rejection> {
        self.embedder.get().map(Arc::clone).ok_or(Rejection::NoModel)
    }
}

/// All routes of the API.
pub fn router(app: Arc<App>) -> Router {
    let api = informing()
        .route("/gpu-info", get(info::gpu_info))
        .route("/embed", post(embed::embed))
        .route("/embed/base64", post(embed::embed_base64))
        .route("/embed/batch", post(embed::embed_batch))
        .route("/openapi.json", get(openapi::document))
        .merge(openapi::docs());
    finish(api, app)
}

/// The routes of the admin listener: health, probes, model info and metrics.
pub fn admin(app: Arc<App>) -> Router {
    finish(informing(), app)
}

/// What both listeners tell.
fn informing() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(info::health))
        .route("/healthz", get(info::health))
        .route("/startupz", get(probes::startupz))
        .route("/readyz", get(probes::readyz))
        .route("/livez", get(probes::livez))
        .route("/model-info", get(info::model_info))
        .route("/metrics", get(info::metrics))
}

fn finish(router: Router<Arc<App>>, app: Arc<App>) -> Router {
    router
        .fallback(async || Rejection::NotFound)
        .method_not_allowed_fallback(async || Rejection::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(app.shutdown.clone(), rescue::rescue))
        // Outermost, so that it sees every answer: the request's id, its line in the log, metrics.
        .layer(middleware::from_fn(observe::observe))
        .with_state(app)
}
