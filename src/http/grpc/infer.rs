//! `ModelInfer`: the one way of all requests, with a message in the place of JSON.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName},
    response::Response,
};
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    error::GrpcError,
    frame,
    request::{Elements, Told},
};
use crate::{
    embedder::Embedder,
    http::{
        App,
        oip::{
            inference::{Answer, Question, spare},
            messages::{ModelInferResponse, model_infer_response::InferOutputTensor},
            models::{self, OUTPUT},
            tensor::Reader,
        },
        passage::{self, Asked},
        rejection::Rejection,
        reply::little_endian,
    },
    metrics::{Run, TRITON_VERSION},
    upload::Limits,
};

const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

pub(super) async fn model_infer(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    let start = Instant::now();
    let embedder = app.embedder()?;
    let patience = patience(request.headers());
    let passed = passage::pass(&app, request, move |headers, body, limits| {
        take_apart(headers, body, limits, &embedder, start)
    });
    let passed = match patience {
        Some(patience) => {
            timeout(patience, passed).await.unwrap_or(Err(GrpcError::Deadline.into()))
        }
        None => passed.await,
    };
    let answer = Answer::of(passed?);
    let times = answer.times();
    let mut response = answer.tell(|answer| frame::answer(&message(answer)));
    times.tell(&mut response);
    Ok(response)
}

/// How long the client gives the call, if it says so: up to eight digits and a unit.
fn patience(headers: &HeaderMap) -> Option<Duration> {
    let told = headers.get(TIMEOUT)?.to_str().ok()?;
    let (number, unit) = told.split_at_checked(told.len().checked_sub(1)?)?;
    let number = (number.len() <= 8).then(|| number.parse::<u64>().ok())??;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

fn take_apart(
    headers: &HeaderMap,
    body: Bytes,
    limits: &Limits,
    embedder: &Embedder,
    start: Instant,
) -> Result<Asked<Question>, Rejection> {
    let reserve = |bytes| spare(embedder, bytes);
    let (message, kept) = frame::message(headers, body, limits.body_bytes, reserve)?;
    let told = Told::read(message)?;
    let served = models::find(&told.model, &told.version)?;
    let run = Run::begin(served.slot, start);
    let reader = Reader::new(served, embedder.architecture(), limits);
    let (id, input) = told.check(&reader)?;
    let batch = reader.batch(&input.name, &input.datatype, &input.shape)?;
    let inputs = match input.elements {
        Elements::Raw(bytes) => reader.raw(batch, bytes)?,
        Elements::Bytes(elements) => reader.elements(batch, &elements)?,
    };
    Question { served, id, binary: true, run, kept }.ask(inputs)
}

fn message(answer: &Answer) -> ModelInferResponse {
    let shape = [answer.embeddings.len(), answer.dim];
    let mut numbers = Vec::with_capacity(shape[0] * shape[1] * size_of::<f32>());
    answer.embeddings.iter().for_each(|embedding| numbers.extend(little_endian(embedding)));
    ModelInferResponse {
        model_name: answer.served.name.into(),
        model_version: TRITON_VERSION.into(),
        id: answer.id.clone(),
        outputs: vec![InferOutputTensor {
            name: OUTPUT.into(),
            datatype: "FP32".into(),
            shape: shape.map(|size| size as i64).to_vec(),
            ..Default::default()
        }],
        raw_output_contents: vec![numbers.into()],
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_clients_patience_has_a_unit() {
        let read = |told: &'static str| {
            patience(&HeaderMap::from_iter([(TIMEOUT, HeaderValue::from_static(told))]))
        };
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        for wrong in ["", "S", "5", "5s", "100000000S", "-1S", "1.5S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
