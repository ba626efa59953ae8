//! The same by gRPC, asked by tonic's client and, where every byte is the test's own, by plain HTTP/2.

mod calls;
mod frames;
mod health;
mod infer;

use inference_service::http::oip::messages::{
    ModelInferRequest, model_infer_request::InferInputTensor,
};
use prost::Message;
use tonic::{Code, Request, Status, client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

use super::{SQUARE, bytes, squares, tiny};
use crate::service::Service;

async fn channel(service: &Service) -> Channel {
    let address = format!("http://{}", service.grpc.unwrap());
    Channel::from_shared(address).unwrap().connect().await.unwrap()
}

/// One call of the protocol's service.
async fn call<Q, A>(channel: &Channel, name: &str, question: Q) -> Result<A, Status>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    grpc.ready().await.unwrap();
    let path = format!("/inference.GRPCInferenceService/{name}").try_into().unwrap();
    let answer = grpc.unary(Request::new(question), path, ProstCodec::default()).await?;
    // The headers of every answer.
    assert!(answer.metadata().contains_key("x-request-id"), "{name}");
    Ok(answer.into_inner())
}

/// A refusal.
#[track_caller]
fn refused<A: std::fmt::Debug>(answer: Result<A, Status>, code: Code, message: &str) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.message().contains(message), "{status:?}");
    assert!(status.metadata().contains_key("x-request-id"), "{status:?}");
}

/// Squares for [`tiny`], as their bytes.
fn question(model: &str, count: usize) -> ModelInferRequest {
    ModelInferRequest {
        model_name: model.into(),
        inputs: vec![InferInputTensor {
            name: "image".into(),
            datatype: "FP32".into(),
            shape: vec![count as i64, 3, 16, 16],
            ..Default::default()
        }],
        raw_input_contents: vec![bytes(&squares(count)).into()],
        ..Default::default()
    }
}

/// What `/v2` gives for them.
fn expected(model: &str, count: usize) -> Vec<f32> {
    let shape = serde_json::json!([count, 3, 16, 16]);
    let head = super::head("image", "FP32", &shape, count * SQUARE, false);
    let reply = super::infer(tiny(), model, &head, &bytes(&squares(count)));
    super::embeddings(&reply).concat()
}
