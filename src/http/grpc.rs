//! gRPC on a port of its own: the Open Inference Protocol as [`super::oip`] has it, health and
//! reflection. Connections, limits, the stop, the log and the metrics are those of every listener.
//!
//! Calls are plain requests of HTTP/2 here: [`frame`] takes their messages out of bodies and puts
//! answers into them, [`status`] makes gRPC's statuses of whatever else is answered.

pub mod error;
mod frame;
mod health;
mod infer;
mod request;
mod status;
mod unary;
mod wire;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    middleware,
    response::Response,
    routing::post,
};
use tonic_health::pb::health_server::HealthServer;
use tonic_reflection::server::Builder;

use self::{error::GrpcError, unary::unary};
use super::{
    Access, App,
    authorization::authorize,
    observe,
    oip::{
        messages::{
            DESCRIPTION, ModelConfigRequest, ModelConfigResponse, ModelMetadataRequest,
            ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest, RepositoryIndexRequest,
            RepositoryIndexResponse, ServerLiveRequest, ServerLiveResponse, ServerMetadataRequest,
            ServerReadyRequest, ServerReadyResponse,
        },
        metadata, models, statistics,
    },
    probes::{Readiness, readiness},
    rejection::Rejection,
    rescue,
};

/// Name of the protocol's service.
const SERVICE: &str = "inference.GRPCInferenceService";

/// Bytes of a message that is not a request to infer: names, and a few of these.
const MOST_MESSAGE: usize = 4 << 10;

type Answer = Result<Response, Rejection>;

/// All calls.
pub(super) fn router(app: Arc<App>, access: &Access) -> Router {
    let call = |name: &str| format!("/{SERVICE}/{name}");
    let health = HealthServer::new(health::Health::new(Arc::clone(&app)));
    let health = health.max_decoding_message_size(MOST_MESSAGE);
    let described = || {
        let all = Builder::configure().register_encoded_file_descriptor_set(DESCRIPTION);
        all.register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    const READABLE: &str = "the descriptions were made at build time, and a test asks for them";
    let v1 = described().build_v1().expect(READABLE).max_decoding_message_size(MOST_MESSAGE);
    let v1alpha = described().build_v1alpha().expect(READABLE);
    let v1alpha = v1alpha.max_decoding_message_size(MOST_MESSAGE);
    const REFLECTION: &str = "ServerReflection/ServerReflectionInfo";
    let mut router = Router::new()
        .route(&call("ServerLive"), post(server_live))
        .route(&call("ServerReady"), post(server_ready))
        .route(&call("ModelReady"), post(model_ready))
        .route(&call("ServerMetadata"), post(server_metadata))
        .route(&call("ModelMetadata"), post(model_metadata))
        .route(&call("ModelConfig"), post(model_config))
        .route(&call("ModelStatistics"), post(model_statistics))
        .route(&call("RepositoryIndex"), post(repository_index))
        .route(&call("ModelInfer"), post(infer::model_infer))
        .route(&call("{call}"), post(not_served))
        .route_service("/grpc.health.v1.Health/Check", health.clone())
        .route_service("/grpc.health.v1.Health/Watch", health)
        .route_service(&format!("/grpc.reflection.v1.{REFLECTION}"), v1)
        .route_service(&format!("/grpc.reflection.v1alpha.{REFLECTION}"), v1alpha)
        .fallback(async || Rejection::NotFound)
        .method_not_allowed_fallback(async || Rejection::MethodNotAllowed);
    if let Some(keys) = &access.api_keys {
        router = router.layer(middleware::from_fn_with_state(keys.clone(), authorize));
    }
    router
        .layer(middleware::from_fn_with_state(app.shutdown.clone(), rescue::rescue))
        // What is noted is the status that HTTP has for it, since gRPC's is always 200.
        .layer(middleware::from_fn(observe::observe))
        .layer(middleware::from_fn(status::translate))
        .with_state(app)
}

async fn server_live(request: Request) -> Answer {
    unary(request, |ServerLiveRequest {}| Ok(ServerLiveResponse { live: true })).await
}

async fn server_ready(State(app): State<Arc<App>>, request: Request) -> Answer {
    let ready = readiness(&app) == Readiness::Ready;
    unary(request, |ServerReadyRequest {}| Ok(ServerReadyResponse { ready })).await
}

async fn model_ready(State(app): State<Arc<App>>, request: Request) -> Answer {
    unary(request, |ModelReadyRequest { name, version }| {
        let served = models::find(&name, &version)?;
        Ok(ModelReadyResponse { ready: metadata::ready(&app, served).is_ok() })
    })
    .await
}

async fn server_metadata(request: Request) -> Answer {
    unary(request, |ServerMetadataRequest {}| Ok(metadata::server())).await
}

async fn model_metadata(State(app): State<Arc<App>>, request: Request) -> Answer {
    unary(request, |ModelMetadataRequest { name, version }| {
        let served = models::find(&name, &version)?;
        Ok(metadata::model(served, app.embedder()?.architecture()))
    })
    .await
}

async fn model_config(State(app): State<Arc<App>>, request: Request) -> Answer {
    unary(request, |ModelConfigRequest { name, version }| {
        let served = models::find(&name, &version)?;
        let embedder = app.embedder()?;
        let config = metadata::config(served, embedder.architecture(), app.limits.images);
        Ok(ModelConfigResponse { config: Some(config) })
    })
    .await
}

async fn model_statistics(request: Request) -> Answer {
    unary(request, |ModelStatisticsRequest { name, version }| {
        let served = match name.is_empty() {
            true => None,
            false => Some(models::find(&name, &version)?),
        };
        Ok(statistics::statistics(served))
    })
    .await
}

async fn repository_index(State(app): State<Arc<App>>, request: Request) -> Answer {
    unary(request, |RepositoryIndexRequest { ready, .. }| {
        Ok(RepositoryIndexResponse { models: metadata::index(&app, ready) })
    })
    .await
}

async fn not_served(Path(call): Path<String>) -> Rejection {
    GrpcError::NotServed(call.chars().take(100).collect()).into()
}
