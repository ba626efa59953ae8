//! What the protocol tells of the server and its models: the same for JSON and gRPC.

use super::{
    messages::{
        DataType, ModelConfig, ModelDynamicBatching, ModelInput, ModelMetadataResponse,
        ModelOutput, ModelTransactionPolicy, ServerMetadataResponse,
        model_metadata_response::TensorMetadata, repository_index_response::ModelIndex,
    },
    models::{MAX_BATCH_SIZE, MODELS, OUTPUT, Served, Takes},
};
use crate::{
    embedder::TextState,
    http::{
        App,
        probes::{Readiness, readiness},
    },
    metrics::TRITON_VERSION,
    model::architecture::Architecture,
};

/// Extensions of the protocol that are served, by Triton's names.
const EXTENSIONS: [&str; 3] = ["binary_tensor_data", "model_configuration", "statistics"];

/// What Triton called the models of the original.
const PLATFORM: &str = "onnxruntime_onnx";

/// The server.
pub(in crate::http) fn server() -> ServerMetadataResponse {
    ServerMetadataResponse {
        name: env!("CARGO_PKG_NAME").into(),
        version: env!("CARGO_PKG_VERSION").into(),
        extensions: EXTENSIONS.map(String::from).to_vec(),
    }
}

/// The tensors of a model.
pub(in crate::http) fn model(
    served: &Served,
    architecture: &Architecture,
) -> ModelMetadataResponse {
    let tensor = |name: &str, datatype: &str, dims: Vec<i64>| TensorMetadata {
        name: name.into(),
        datatype: datatype.into(),
        shape: [vec![-1], dims].concat(),
    };
    let embedding = vec![architecture.embed_dim as i64];
    ModelMetadataResponse {
        name: served.name.into(),
        versions: vec![TRITON_VERSION.into()],
        platform: PLATFORM.into(),
        inputs: vec![tensor(served.input(), served.datatype(), served.dims(architecture))],
        outputs: vec![tensor(OUTPUT, "FP32", embedding)],
    }
}

/// The same as a model's configuration states it, of a service that takes `images` inputs at once.
pub(in crate::http) fn config(
    served: &Served,
    architecture: &Architecture,
    images: usize,
) -> ModelConfig {
    let data_type = match served.takes {
        Takes::Pixels { .. } => DataType::TypeFp32,
        Takes::Files | Takes::Texts => DataType::TypeString,
    };
    ModelConfig {
        name: served.name.into(),
        platform: PLATFORM.into(),
        backend: "onnxruntime".into(),
        max_batch_size: images.min(MAX_BATCH_SIZE) as i32,
        input: vec![ModelInput {
            name: served.input().into(),
            data_type: data_type.into(),
            dims: served.dims(architecture),
        }],
        output: vec![ModelOutput {
            name: OUTPUT.into(),
            data_type: DataType::TypeFp32.into(),
            dims: vec![architecture.embed_dim as i64],
        }],
        dynamic_batching: Some(ModelDynamicBatching {}),
        model_transaction_policy: Some(ModelTransactionPolicy { decoupled: false }),
    }
}

/// Whether a model answers.
///
/// # Errors
/// Why it does not.
pub(in crate::http) fn ready(app: &App, served: &Served) -> Result<(), &'static str> {
    match (readiness(app), app.embedder()) {
        (Readiness::Draining, _) => Err("the service is stopping"),
        (Readiness::Failing, _) => Err("the model fails; the log says why"),
        (Readiness::Starting, _) | (_, Err(_)) => Err("the weights are being loaded"),
        (Readiness::Ready, Ok(embedder)) if served.takes == Takes::Texts => {
            match embedder.text_state() {
                TextState::Off => Err("texts are not served (--text off)"),
                TextState::None => Err("the model has no text tower"),
                TextState::OnDemand | TextState::Ready => Ok(()),
            }
        }
        (Readiness::Ready, Ok(_)) => Ok(()),
    }
}

/// All models, or with `only_ready` those that answer.
pub(in crate::http) fn index(app: &App, only_ready: bool) -> Vec<ModelIndex> {
    let entry = |served: &Served| {
        let (state, reason) = match ready(app, served) {
            Ok(()) => ("READY", ""),
            Err(reason) => ("UNAVAILABLE", reason),
        };
        let version = TRITON_VERSION.into();
        ModelIndex { name: served.name.into(), version, state: state.into(), reason: reason.into() }
    };
    let entries = MODELS.iter().map(entry);
    entries.filter(|entry| !only_ready || entry.state == "READY").collect()
}
