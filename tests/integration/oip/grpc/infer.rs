//! Embeddings by `ModelInfer`.

use inference_service::http::oip::messages::{
    InferTensorContents, ModelInferRequest, ModelInferResponse,
    model_infer_request::InferRequestedOutputTensor,
};
use tonic::{Code, Status, transport::Channel};

use super::{SQUARE, bytes, call, channel, expected, question, refused, squares, tiny};
use crate::{
    oip::{elements, floats},
    service::{CAT, Service, assert_near},
    support::{difference, norm},
};

async fn infer(
    channel: &Channel,
    question: ModelInferRequest,
) -> Result<ModelInferResponse, Status> {
    call(channel, "ModelInfer", question).await
}

#[tokio::test]
async fn embeddings_are_those_of_http() {
    let channel = channel(tiny()).await;
    for model in ["openclip_vit_b32", "openclip_vit_b32_trt", "clip_vit_b32"] {
        for count in [1, 8] {
            let mut question = question(model, count);
            question.id = "seven".into();
            question.model_version = "1".into();
            let wanted =
                InferRequestedOutputTensor { name: "embedding".into(), ..Default::default() };
            question.outputs.push(wanted);
            let answer = infer(&channel, question).await.unwrap();
            assert_eq!((&*answer.model_name, &*answer.model_version), (model, "1"));
            assert_eq!(answer.id, "seven");
            let output = &answer.outputs[0];
            assert_eq!((&*output.name, &*output.datatype), ("embedding", "FP32"));
            assert_eq!((&output.shape[..], &output.contents), (&[count as i64, 8][..], &None));
            // tonic and tritonclient read the bytes alone.
            assert_eq!((answer.outputs.len(), answer.raw_output_contents.len()), (1, 1));
            let (found, expected) =
                (floats(&answer.raw_output_contents[0]), expected(model, count));
            assert!(difference(&found, &expected) < 1e-5 * norm(&expected), "{model} {count}");
        }
    }
}

#[tokio::test]
async fn typed_contents_are_taken_too() {
    let channel = channel(tiny()).await;
    let mut numbers = question("clip_vit_b32", 2);
    numbers.raw_input_contents.clear();
    let fp32_contents = squares(2);
    numbers.inputs[0].contents = Some(InferTensorContents { fp32_contents, ..Default::default() });
    let answer = infer(&channel, numbers).await.unwrap();
    assert_near(&floats(&answer.raw_output_contents[0]), &expected("clip_vit_b32", 2));

    let mut files = question("clip_vit_b32_jpeg", 1);
    let input = &mut files.inputs[0];
    (input.datatype, input.shape) = ("BYTES".into(), vec![2]);
    let cat = bytes::Bytes::copy_from_slice(&CAT);
    files.raw_input_contents = vec![elements(&[&CAT, &CAT]).into()];
    let raw = infer(&channel, files.clone()).await.unwrap();
    files.raw_input_contents.clear();
    files.inputs[0].contents =
        Some(InferTensorContents { bytes_contents: vec![cat.clone(), cat], ..Default::default() });
    files.inputs[0].shape = vec![2, 1];
    let typed = infer(&channel, files).await.unwrap();
    let embedding = tiny().post("/embed", "image/png", &CAT).embeddings().remove(0);
    for answer in [raw, typed] {
        let expected = [&embedding[..], &embedding].concat();
        assert_near(&floats(&answer.raw_output_contents[0]), &expected);
    }
}

#[tokio::test]
async fn many_calls_go_side_by_side_over_one_connection() {
    let channel = channel(tiny()).await;
    let expected = expected("clip_vit_b32", 3);
    let calls = (0..40).map(|_| infer(&channel, question("clip_vit_b32", 3)));
    for answer in futures_util::future::join_all(calls).await {
        assert_near(&floats(&answer.unwrap().raw_output_contents[0]), &expected);
    }
}

#[tokio::test]
async fn what_is_wrong_has_a_code_and_a_message() {
    let channel = channel(tiny()).await;
    let good = || question("clip_vit_b32", 1);
    let mut short = good();
    short.raw_input_contents[0].truncate(SQUARE - 4);
    let mut negative = good();
    negative.inputs[0].shape[0] = -1;
    let mut large = good();
    large.inputs[0].shape[0] = i64::MAX;
    let mut unknown = good();
    unknown.outputs.push(InferRequestedOutputTensor { name: "x".into(), ..Default::default() });
    let mut number = good();
    number.raw_input_contents[0] = bytes(&vec![f32::NAN; SQUARE / 4]).into();
    for (question, code, message) in [
        (short, Code::InvalidArgument, "has 3068 bytes, its shape and datatype take 3072"),
        (negative, Code::InvalidArgument, "not [-1, 3, 16, 16]"),
        (large, Code::ResourceExhausted, "(--max-images)"),
        (unknown, Code::InvalidArgument, "unexpected inference output 'x'"),
        (number, Code::InvalidArgument, "NaN at element 0"),
        (question("resnet", 1), Code::NotFound, "'resnet'"),
        (
            question("clip_vit_b32_jpeg", 1),
            Code::InvalidArgument,
            "has the datatype BYTES, not 'FP32'",
        ),
        (question("clip_vit_b32", 9), Code::ResourceExhausted, "the limit is 8 (--max-images)"),
        (ModelInferRequest::default(), Code::NotFound, "''"),
    ] {
        refused(infer(&channel, question).await, code, message);
    }
    let mut huge = good();
    huge.raw_input_contents[0] = vec![0; 1 << 20].into();
    refused(infer(&channel, huge).await, Code::ResourceExhausted, "(--max-body-bytes)");
}

#[tokio::test]
async fn a_batch_of_full_size_goes_through_the_windows_of_the_connection() {
    let service = Service::tiny_with_grpc(&[]);
    let channel = channel(&service).await;
    // As large as 32 squares of 224 pixels, and as it is no such square refused at its end.
    let mut question = question("clip_vit_b32", 1);
    question.raw_input_contents[0] = vec![0; 19_267_584].into();
    refused(infer(&channel, question).await, Code::InvalidArgument, "has 19267584 bytes");
    let answer = infer(&channel, super::question("clip_vit_b32", 256)).await.unwrap();
    assert_eq!(answer.raw_output_contents[0].len(), 256 * 32);
}
