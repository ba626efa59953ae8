//! The Open Inference Protocol, as KServe's and Triton's clients speak it: by HTTP with JSON and with
//! bytes, and by gRPC.

mod errors;
mod grpc;
mod hostile;
mod infer;
mod statistics;
mod told;

use std::{process::ChildStdin, sync::OnceLock};

use serde_json::{Value, json};

use crate::{
    service::{Reply, Service, outliving},
    support::{preprocess, reference},
};

/// A service with a model of 8 numbers, which reads squares of 16 pixels, for HTTP and gRPC; at most 8
/// inputs and 1 MiB a request.
fn tiny() -> &'static Service {
    static TINY: OnceLock<(Service, ChildStdin)> = OnceLock::new();
    let flags = ["--max-images", "8", "--max-body-bytes", "1MiB"];
    &TINY.get_or_init(|| outliving(Service::tiny_with_grpc(&flags))).0
}

/// Bytes of a square of [`tiny`].
const SQUARE: usize = 3 * 16 * 16 * 4;

/// Squares for [`tiny`], from 0 to 1, each of them another.
fn squares(count: usize) -> Vec<f32> {
    (0..count * SQUARE / 4).map(|i| ((i * 7919 + i / 768) % 257) as f32 / 256.).collect()
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

/// The elements of a tensor of the type BYTES.
fn elements(of: &[&[u8]]) -> Vec<u8> {
    let element = |bytes: &&[u8]| [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat();
    of.iter().flat_map(element).collect()
}

/// The JSON of a request with an input whose bytes follow it.
fn head(name: &str, datatype: &str, shape: &Value, size: usize, binary: bool) -> Value {
    json!({
        "inputs": [{"name": name, "datatype": datatype, "shape": shape,
                    "parameters": {"binary_data_size": size}}],
        "outputs": [{"name": "embedding", "parameters": {"binary_data": binary}}],
    })
}

/// Sends JSON and the bytes after it, as Triton's clients do, without any content type.
fn infer(service: &Service, model: &str, head: &Value, raw: &[u8]) -> Reply {
    let head = head.to_string();
    let length = head.len().to_string();
    let path = format!("/v2/models/{model}/infer");
    let headers = [("inference-header-content-length", length.as_str())];
    service.send("POST", &path, &headers, &[head.as_bytes(), raw].concat())
}

/// The embeddings of an answer in JSON.
#[track_caller]
fn embeddings(reply: &Reply) -> Vec<Vec<f32>> {
    let answer = reply.with_status(200);
    let output = &answer["outputs"][0];
    let data: Vec<f32> = serde_json::from_value(output["data"].clone()).unwrap();
    let shape: Vec<usize> = serde_json::from_value(output["shape"].clone()).unwrap();
    assert_eq!(shape.iter().product::<usize>(), data.len());
    data.chunks_exact(shape[1]).map(<[f32]>::to_vec).collect()
}

/// What an error says.
#[track_caller]
fn error(reply: &Reply, status: u16) -> String {
    let answer = reply.with_status(status);
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["error"].as_str().unwrap().to_owned()
}

/// What a client of the original makes of a photo: the square that the model sees, from 0 to 1.
fn crop(name: &str) -> Vec<f32> {
    let path = reference().join("expected/pixels").join(format!("{name}.png"));
    let square = preprocess().crop(&std::fs::read(path).unwrap()).unwrap();
    (0..3).flat_map(|c| square.iter().skip(c).step_by(3).map(|&b| f32::from(b) / 255.)).collect()
}
