//! The HTTP interface: the original service's, and a few routes more.
//!
//! [`router`] is the API, [`admin`] the second listener's part of it. Handlers that embed are in
//! [`embed`], those that only tell in [`info`]; [`rejection`] is the one place that knows statuses.

mod accept;
pub mod authorization;
mod body;
mod classify;
mod clock;
mod compare;
pub mod connection;
pub mod cors;
mod dimensions;
mod duplicates;
mod embed;
mod encoding;
pub mod grpc;
mod info;
mod input;
mod multipart;
mod observe;
pub mod oip;
mod openai;
pub mod openapi;
mod page;
mod passage;
mod probes;
pub mod rejection;
mod reload;
mod reply;
mod rescue;
mod schema;
pub mod server;
mod shape;
mod similarity;
mod tei;
mod text;
pub mod tls;

use std::sync::{Arc, OnceLock};

use authorization::{ApiKeys, authorize};
use axum::{
    Router, middleware,
    routing::{get, post},
};
use cors::Origins;
use metrics_exporter_prometheus::PrometheusHandle;
use rejection::Rejection;
use tls::Tls;

use crate::{embedder::Embedder, fetch::Fetcher, shutdown::Shutdown, upload::Limits};

/// What every handler needs.
#[derive(Debug)]
pub struct App {
    embedder: OnceLock<Arc<Embedder>>,
    limits: Limits,
    fetcher: Fetcher,
    metrics: PrometheusHandle,
    shutdown: Shutdown,
    /// In seconds since 1970.
    started: u64,
}

impl App {
    /// A service that has no model yet.
    pub fn new(
        limits: Limits,
        fetcher: Fetcher,
        metrics: PrometheusHandle,
        shutdown: Shutdown,
    ) -> Self {
        let started = clock::since_1970().as_secs();
        Self { embedder: OnceLock::new(), limits, fetcher, metrics, shutdown, started }
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

/// Who may ask the API, and from where.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The keys of which a request must have one, but for [`authorization::EXEMPT`]; none lets
    /// everybody in.
    pub api_keys: Option<ApiKeys>,
    /// The origins whose pages may read answers in a browser, if any.
    pub cors: Option<Origins>,
    /// The certificate within whose TLS the API is served, if any.
    pub tls: Option<Tls>,
}

/// All routes of the API, with or without the page for people.
pub fn router(app: Arc<App>, access: &Access, page: bool) -> Router {
    let api = informing()
        .route("/gpu-info", get(info::gpu_info))
        .route("/embed", post(embed::embed))
        .route("/embed/base64", post(embed::embed_base64))
        .route("/embed/batch", post(embed::embed_batch))
        .route("/embed/text", post(text::embed_text))
        .route("/classify", post(classify::classify))
        .route("/similarity", post(similarity::similarity))
        .route("/duplicates", post(duplicates::duplicates))
        .route("/", post(tei::root))
        .route("/info", get(tei::info::info))
        .merge(openai())
        .merge(oip::routes())
        .merge(openapi::routes(access.api_keys.is_some()));
    let api = match page {
        true => api.merge(page::routes()),
        // Something else lies there for those who post.
        false => api.route("/", get(async || Rejection::NotFound)),
    };
    finish(api, app, access)
}

/// What OpenAI's clients call, with and without Infinity's prefix, and what NIM's do.
#[expect(deprecated, reason = "Infinity has deprecated a route that its clients still call")]
fn openai() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/embeddings", post(openai::embeddings))
        .route("/embeddings", post(openai::embeddings))
        .route("/v1/embeddings_image", post(openai::embeddings_image))
        .route("/embeddings_image", post(openai::embeddings_image))
        .route("/v1/models", get(openai::models::list))
        .route("/models", get(openai::models::list))
        .route("/v1/models/{*id}", get(openai::models::retrieve))
        .route("/v1/health/live", get(openai::nim::live))
        .route("/v1/health/ready", get(openai::nim::ready))
        .route("/v1/metadata", get(openai::nim::metadata))
        .route("/v1/version", get(openai::nim::version))
        .route("/v1/metrics", get(info::metrics))
}

/// The routes of the admin listener: health, probes, model info and metrics. Whoever reaches it may
/// ask.
pub fn admin(app: Arc<App>) -> Router {
    finish(informing(), app, &Access::default())
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

fn finish(router: Router<Arc<App>>, app: Arc<App>, access: &Access) -> Router {
    let mut router = router
        .fallback(async || Rejection::NotFound)
        .method_not_allowed_fallback(async || Rejection::MethodNotAllowed);
    if let Some(keys) = &access.api_keys {
        router = router.layer(middleware::from_fn_with_state(keys.clone(), authorize));
    }
    router = router.layer(middleware::from_fn_with_state(app.shutdown.clone(), rescue::rescue));
    router = router.layer(middleware::from_fn(shape::shape));
    // Around those who write errors anew, or what they replace would be compressed.
    router = router.layer(middleware::from_fn(encoding::compress));
    if let Some(origins) = &access.cors {
        // Around the keys, since a browser that asks whether it may send one has none.
        router = router.layer(origins.layer());
    }
    // Outermost, so that it sees every answer: the request's id, its line in the log, metrics.
    router.layer(middleware::from_fn(observe::observe)).with_state(app)
}
