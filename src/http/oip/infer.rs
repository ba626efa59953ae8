//! `/v2/models/{model}/infer`: tensors as JSON, or after it as bytes (Triton's binary tensor extension).

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::{
    error::{CLASSIFICATION, OipError, SHARED_MEMORY},
    inference::{Answer, Question, spare},
    json::{self, Body, Few, InputParameters, InputTensor, Object, OutputTensor},
    models::OUTPUT,
    route::Named,
    tensor::Reader,
};
use crate::{
    embedder::Embedder,
    http::{
        App,
        passage::{self, Asked},
        rejection::Rejection,
        reply::little_endian,
    },
    metrics::{Run, TRITON_VERSION},
    model::Embedding,
    upload,
};

/// Bytes of JSON that a body begins with, before those of tensors.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

pub(super) async fn infer(
    State(app): State<Arc<App>>,
    Named(served): Named,
    request: Request,
) -> Result<Response, Rejection> {
    let run = Run::begin(served.slot, Instant::now());
    let embedder = app.embedder()?;
    let reader = Reader::new(served, embedder.architecture(), &app.limits);
    let passed = passage::pass(&app, request, move |headers, body, _| {
        take_apart(headers, body, &reader, &embedder, run)
    });
    let answer = Answer::of(passed.await?);
    let times = answer.times();
    let mut response = answer.tell(write);
    times.tell(&mut response);
    Ok(response)
}

fn take_apart(
    headers: &HeaderMap,
    body: Bytes,
    reader: &Reader,
    embedder: &Embedder,
    run: Run,
) -> Result<Asked<Question>, Rejection> {
    let question = |id: String, binary| {
        let kept = Vec::new();
        Question { served: reader.served, id, binary, run, kept }
    };
    let (text, raw) = match split(headers, &body)? {
        Some((text, raw)) => (text, raw),
        None => return question(String::new(), true).ask(json::whole(reader, body)?),
    };
    let Object(Body { id, parameters, inputs, outputs }) =
        upload::json::read(&text).map_err(Rejection::Validation)?;
    let by_default = parameters.and_then(|parameters| parameters.0.binary_data_output);
    let outputs = outputs.map(|outputs| outputs.0).unwrap_or_default();
    let binary = wanted(outputs, by_default.unwrap_or(false), reader)?;
    let (input, parameters) = only(inputs, reader)?;
    let batch = reader.batch(&input.name, &input.datatype, &input.shape.0)?;
    let inputs = match (input.data, parameters.binary_data_size) {
        (None, Some(size)) if size == raw.len() as u64 => reader.raw(batch, raw)?,
        (None, Some(size)) => {
            let wrong = format!("says it has {size} bytes, but {} follow the JSON", raw.len());
            return Err(reader.data(wrong).into());
        }
        (Some(_), None) if !raw.is_empty() => {
            let wrong = format!("has data, but {} bytes follow the JSON", raw.len());
            return Err(reader.data(wrong).into());
        }
        (Some(data), None) => {
            json::check_list(data, reader, batch)?;
            // Of numbers that are short as text, what they are read into is more than the text.
            let _more = match json::beyond(data, reader, batch) {
                0 => None,
                bytes => Some(spare(embedder, bytes)?),
            };
            json::inputs(data, &text, reader, batch)?
        }
        (None, None) => {
            return Err(reader.data("has neither data nor a binary_data_size").into());
        }
        (Some(_), Some(_)) => {
            return Err(reader.data("has data and a binary_data_size: give one").into());
        }
    };
    question(id.map(String::from).unwrap_or_default(), binary).ask(inputs)
}

/// The JSON of a body and what follows it; none where all of it is the one tensor.
fn split(headers: &HeaderMap, body: &Bytes) -> Result<Option<(Bytes, Bytes)>, OipError> {
    let Some(length) = headers.get(JSON_LENGTH) else {
        return Ok(Some((body.clone(), Bytes::new())));
    };
    let found = || OipError::cut(&String::from_utf8_lossy(length.as_bytes()));
    let number = length.to_str().ok().and_then(|text| text.trim().parse::<usize>().ok());
    match number {
        Some(0) => Ok(None),
        Some(length) if length <= body.len() => {
            Ok(Some((body.slice(..length), body.slice(length..))))
        }
        _ => Err(OipError::Header { found: found(), body: body.len() }),
    }
}

/// Whether the output is wanted as bytes.
fn wanted(
    outputs: Vec<Object<OutputTensor<'_>>>,
    by_default: bool,
    reader: &Reader,
) -> Result<bool, OipError> {
    let mut binary = None;
    for Object(OutputTensor { name, parameters }) in outputs {
        reader.check_output(&name)?;
        let Object(parameters) = parameters.unwrap_or_default();
        if parameters.classification.is_some() {
            return Err(OipError::NotServed(CLASSIFICATION.into()));
        }
        if parameters.shared_memory_region.is_some() {
            return Err(OipError::NotServed(SHARED_MEMORY.into()));
        }
        binary = binary.or(parameters.binary_data);
    }
    Ok(binary.unwrap_or(by_default))
}

/// The one input.
fn only<'a>(
    inputs: Few<Object<InputTensor<'a>>>,
    reader: &Reader,
) -> Result<(InputTensor<'a>, InputParameters), OipError> {
    let found = inputs.0.len();
    let [Object(mut input)] =
        <[_; 1]>::try_from(inputs.0).map_err(|_| reader.input_count(found))?;
    let Object(parameters) = input.parameters.take().unwrap_or_default();
    match parameters.shared_memory_region {
        Some(_) => Err(OipError::NotServed(SHARED_MEMORY.into())),
        None => Ok((input, parameters)),
    }
}

/// The JSON of an answer.
#[derive(Serialize)]
struct Written<'a> {
    model_name: &'static str,
    model_version: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    id: &'a str,
    outputs: [Output<'a>; 1],
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: [usize; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<BinarySize>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "flat")]
    data: Option<&'a [Embedding]>,
}

#[derive(Serialize)]
struct BinarySize {
    binary_data_size: usize,
}

fn flat<S: Serializer>(data: &Option<&[Embedding]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(data.unwrap_or_default().iter().flatten())
}

fn write(answer: &Answer) -> Response {
    let Answer { embeddings, dim, binary, .. } = answer;
    let shape = [embeddings.len(), *dim];
    let binary_data_size = shape[0] * shape[1] * size_of::<f32>();
    let written = Written {
        model_name: answer.served.name,
        model_version: TRITON_VERSION,
        id: &answer.id,
        outputs: [Output {
            name: OUTPUT,
            datatype: "FP32",
            shape,
            parameters: binary.then_some(BinarySize { binary_data_size }),
            data: (!binary).then_some(embeddings),
        }],
    };
    if !binary {
        return axum::Json(written).into_response();
    }
    let Ok(mut body) = serde_json::to_vec(&written) else {
        // Names and numbers alone: nothing that could not be written.
        return Rejection::Internal.into_response();
    };
    let length = HeaderValue::from(body.len());
    body.reserve(binary_data_size);
    embeddings.iter().for_each(|embedding| body.extend(little_endian(embedding)));
    let octets = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_TYPE, octets), (JSON_LENGTH, length)], body).into_response()
}
