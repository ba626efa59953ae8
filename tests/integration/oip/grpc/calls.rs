//! Calls that tell something: the same as the routes of `/v2`.

use inference_service::http::oip::messages::{
    DataType, ModelConfigRequest, ModelConfigResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, ModelStatisticsRequest, ModelStatisticsResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, ServerLiveRequest, ServerLiveResponse,
    ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{call, channel, refused, tiny};
use crate::{
    metrics::exposition::scrape,
    service::{Service, SilentHub},
};

#[tokio::test]
async fn the_server_and_its_models_are_told_as_by_http() {
    let channel = channel(tiny()).await;
    let live: ServerLiveResponse =
        call(&channel, "ServerLive", ServerLiveRequest {}).await.unwrap();
    let ready: ServerReadyResponse =
        call(&channel, "ServerReady", ServerReadyRequest {}).await.unwrap();
    assert!(live.live && ready.ready);
    let server: ServerMetadataResponse =
        call(&channel, "ServerMetadata", ServerMetadataRequest {}).await.unwrap();
    assert_eq!(json!(server), tiny().get("/v2").with_status(200));
    for name in ["openclip_vit_b32", "clip_vit_b32_jpeg"] {
        for version in ["", "1"] {
            let (name, version) = (name.to_owned(), version.to_owned());
            let path = format!("/v2/models/{name}");
            let question = ModelMetadataRequest { name: name.clone(), version: version.clone() };
            let model: ModelMetadataResponse =
                call(&channel, "ModelMetadata", question).await.unwrap();
            assert_eq!(json!(model), tiny().get(&path).with_status(200));
            let question = ModelConfigRequest { name, version };
            let config: ModelConfigResponse =
                call(&channel, "ModelConfig", question).await.unwrap();
            let config = config.config.unwrap();
            assert_eq!(config.output[0].data_type(), DataType::TypeFp32);
            assert_eq!(json!(config), tiny().get(&format!("{path}/config")).with_status(200));
        }
    }
}

#[tokio::test]
async fn the_index_and_readiness_are_told_as_by_http() {
    let channel = channel(tiny()).await;
    for (ready, count) in [(false, 5), (true, 4)] {
        let question = RepositoryIndexRequest { repository_name: "any".into(), ready };
        let index: RepositoryIndexResponse =
            call(&channel, "RepositoryIndex", question).await.unwrap();
        let body = format!("{{\"ready\":{ready}}}");
        let told = tiny().send("POST", "/v2/repository/index", &[], body.as_bytes());
        assert_eq!((index.models.len(), json!(index.models)), (count, told.with_status(200)));
        for model in index.models {
            let is_ready = model.state == "READY";
            let question = ModelReadyRequest { name: model.name, version: model.version };
            let told: ModelReadyResponse = call(&channel, "ModelReady", question).await.unwrap();
            assert_eq!(told.ready, is_ready);
        }
    }
}

#[tokio::test]
async fn statistics_are_those_of_one_model_or_of_all() {
    let channel = channel(tiny()).await;
    let ask = async |name: &str| -> Result<ModelStatisticsResponse, Status> {
        let question = ModelStatisticsRequest { name: name.into(), version: String::new() };
        call(&channel, "ModelStatistics", question).await
    };
    // The one that nobody asks for here, so that it stands still.
    let told = json!(ask("clip_vit_b32_text").await.unwrap());
    let expected = tiny().get("/v2/models/clip_vit_b32_text/stats").with_status(200);
    assert_eq!(told["model_stats"][0]["name"], expected["model_stats"][0]["name"]);
    assert_eq!(ask("").await.unwrap().model_stats.len(), 5);
    refused(ask("resnet").await, Code::NotFound, "'resnet' is not found");
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let channel = channel(tiny()).await;
    let unknown = ModelReadyRequest { name: "resnet".into(), version: String::new() };
    let answer: Result<ModelReadyResponse, _> = call(&channel, "ModelReady", unknown).await;
    refused(answer, Code::NotFound, "Request for unknown model: 'resnet' is not found");
    let second = ModelMetadataRequest { name: "clip_vit_b32".into(), version: "2".into() };
    let answer: Result<ModelMetadataResponse, _> = call(&channel, "ModelMetadata", second).await;
    refused(answer, Code::NotFound, "version 2 is not found; its only version is 1");
    for name in ["ModelStreamInfer", "RepositoryModelLoad", "SystemSharedMemoryStatus", "Brew"] {
        let answer: Result<ServerLiveResponse, _> =
            call(&channel, name, ServerLiveRequest {}).await;
        refused(answer, Code::Unimplemented, &format!("{name} is not served here: there are"));
    }
    let long = ModelReadyRequest { name: "a".repeat(5_000), version: String::new() };
    let answer: Result<ModelReadyResponse, _> = call(&channel, "ModelReady", long).await;
    refused(answer, Code::ResourceExhausted, "4096 bytes that a call without tensors may have");
}

#[tokio::test]
async fn before_the_model_is_loaded_nothing_is_ready() {
    let hub = SilentHub::new();
    let service = Service::starting_with_grpc(&hub);
    let channel = channel(&service).await;
    let live: ServerLiveResponse =
        call(&channel, "ServerLive", ServerLiveRequest {}).await.unwrap();
    let ready: ServerReadyResponse =
        call(&channel, "ServerReady", ServerReadyRequest {}).await.unwrap();
    assert_eq!((live.live, ready.ready), (true, false));
    let question = ModelMetadataRequest { name: "clip_vit_b32".into(), version: String::new() };
    let answer: Result<ModelMetadataResponse, _> = call(&channel, "ModelMetadata", question).await;
    refused(answer, Code::Unavailable, "No model loaded");
}

#[tokio::test]
async fn calls_are_counted_by_their_names_with_the_status_of_http() {
    let service = Service::tiny_with_grpc(&[]);
    let channel = channel(&service).await;
    for name in ["clip_vit_b32", "resnet", "resnet"] {
        let question = ModelReadyRequest { name: name.into(), version: String::new() };
        let _: Result<ModelReadyResponse, _> = call(&channel, "ModelReady", question).await;
    }
    for n in 0..20 {
        let _: Result<ServerLiveResponse, _> =
            call(&channel, &format!("Brew{n}"), ServerLiveRequest {}).await;
    }
    let metrics = scrape(service.api);
    let count = |name: &str, status: &str| {
        let route = format!("/inference.GRPCInferenceService/{name}");
        let labels = [("method", "POST"), ("route", &route), ("status", status)];
        metrics.value("http_requests_total", &labels)
    };
    assert_eq!((count("ModelReady", "200"), count("ModelReady", "404")), (1., 2.));
    assert_eq!(count("{call}", "400"), 20.);
}

/// The message of a log line of each call that fails by its client's fault.
#[tokio::test]
async fn calls_have_their_line_in_the_log() {
    let service = Service::tiny_with_grpc(&["--log-level", "debug"]);
    let channel = channel(&service).await;
    let question = ModelReadyRequest { name: "resnet".into(), version: String::new() };
    let _: Result<ModelReadyResponse, _> = call(&channel, "ModelReady", question).await;
    let line = service.await_log("request", |line: &Value| line["code"] == "unknown_model");
    assert_eq!(line["route"], "/inference.GRPCInferenceService/ModelReady");
}
