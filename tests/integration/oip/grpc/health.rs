//! Health and reflection, which tools of gRPC ask for by themselves.

use inference_service::http::oip::messages::ServerReadyRequest;
use inference_service::http::oip::messages::ServerReadyResponse;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use super::{call, channel, question, refused, tiny};
use crate::service::Service;

const SERVICE: &str = "inference.GRPCInferenceService";

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.into() }
}

async fn check(channel: &Channel, service: &str) -> Result<ServingStatus, tonic::Status> {
    let mut client = HealthClient::new(channel.clone());
    client.check(of(service)).await.map(|answer| answer.into_inner().status())
}

#[tokio::test]
async fn health_is_told_of_the_server_and_of_its_service() {
    let channel = channel(tiny()).await;
    for service in ["", SERVICE] {
        assert_eq!(check(&channel, service).await.unwrap(), ServingStatus::Serving, "{service}");
    }
    refused(check(&channel, "other").await, Code::NotFound, SERVICE);
    let mut client = HealthClient::new(channel);
    let mut watched = client.watch(of("other")).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn a_stop_is_told_to_those_who_watch_and_does_not_wait_for_them() {
    let mut service = Service::tiny_with_grpc(&["--drain-delay", "3s"]);
    let channel = channel(&service).await;
    let mut client = HealthClient::new(channel.clone());
    let mut watched = client.watch(of(SERVICE)).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);
    service.signal("TERM");
    let second = watched.message().await.unwrap().unwrap();
    assert_eq!(second.status(), ServingStatus::NotServing);
    // What is on its way is still answered.
    let answer: inference_service::http::oip::messages::ModelInferResponse =
        call(&channel, "ModelInfer", question("clip_vit_b32", 1)).await.unwrap();
    assert_eq!(answer.raw_output_contents[0].len(), 32);
    // The ports close: the one who watches is let go, and the process ends well.
    assert_eq!(watched.message().await.unwrap(), None);
    let ended = tokio::task::spawn_blocking(move || service.exit());
    assert_eq!(ended.await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn while_it_drains_the_server_is_not_ready() {
    let service = Service::tiny_with_grpc(&["--drain-delay", "1h"]);
    service.signal("TERM");
    service.await_log("stopping", |line| {
        line["message"] == "stopping: running requests are finished first"
    });
    let channel = channel(&service).await;
    assert_eq!(check(&channel, "").await.unwrap(), ServingStatus::NotServing);
    let second = super::channel(&service).await;
    let ready: ServerReadyResponse =
        call(&second, "ServerReady", ServerReadyRequest {}).await.unwrap();
    assert!(!ready.ready);
}

const SERVICES: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.", "inference.GRPCInferenceService"];

#[tokio::test]
async fn reflection_lists_the_services_and_describes_their_messages() {
    use v1::{
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let mut client =
        v1::server_reflection_client::ServerReflectionClient::new(channel(tiny()).await);
    let ask = |question| v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let questions = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("inference.ModelInferRequest".into()),
        MessageRequest::FileContainingSymbol("inference.GRPCInferenceService.ModelInfer".into()),
    ];
    let questions = futures_util::stream::iter(questions.map(ask));
    let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = next().await else { panic!() };
    let mut names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    for (name, expected) in names.iter().zip(SERVICES) {
        assert!(name.starts_with(expected), "{name}");
    }
    for _ in 0..2 {
        let MessageResponse::FileDescriptorResponse(file) = next().await else { panic!() };
        let file = String::from_utf8_lossy(&file.file_descriptor_proto[0]).into_owned();
        assert!(file.contains("raw_input_contents"));
    }
}

/// The version that older tools ask for.
#[tokio::test]
async fn reflection_is_there_in_its_first_version_too() {
    use v1alpha::{
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    };
    let mut client =
        v1alpha::server_reflection_client::ServerReflectionClient::new(channel(tiny()).await);
    let question = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let questions = futures_util::stream::iter([question]);
    let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(listed) = answer else { panic!() };
    assert!(listed.service.iter().any(|service| service.name == SERVICE), "{listed:?}");
}
