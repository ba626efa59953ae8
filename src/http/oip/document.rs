//! The routes of `/v2` as `/openapi.json` describes them.

#![expect(dead_code, reason = "describes what the handlers of `http::oip` read and answer")]

use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};

use super::{
    ModelReady,
    messages::{
        ModelConfig, ModelMetadataResponse, ModelStatisticsResponse, ServerLiveResponse,
        ServerMetadataResponse, ServerReadyResponse, repository_index_response::ModelIndex,
    },
};

/// The paths and their schemas.
pub(in crate::http) fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(
    paths(
        server, live, ready, all_stats, index, metadata, metadata_of_version, model_ready,
        model_ready_of_version, config, config_of_version, stats, stats_of_version, infer,
        infer_of_version,
    ),
    tags((name = "open inference protocol", description = "KServe's and Triton's clients; gRPC has its own port")),
)]
struct Document;

/// The names of all models.
#[derive(ToSchema)]
enum ModelName {
    #[schema(rename = "openclip_vit_b32")]
    Raw,
    #[schema(rename = "openclip_vit_b32_trt")]
    RawToo,
    #[schema(rename = "clip_vit_b32")]
    Unit,
    #[schema(rename = "clip_vit_b32_jpeg")]
    Files,
    #[schema(rename = "clip_vit_b32_text")]
    Texts,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
struct ModelPath {
    /// Name of the model.
    #[param(inline)]
    model: ModelName,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
struct VersionPath {
    /// Name of the model.
    #[param(inline)]
    model: ModelName,
    /// Its version.
    #[param(inline)]
    version: Version,
}

#[derive(ToSchema)]
enum Version {
    #[schema(rename = "1")]
    One,
}

/// The error of every route under `/v2`.
#[derive(ToSchema)]
struct OipErrorBody {
    /// What was wrong and what to do, for people.
    #[schema(
        example = "expected 1 input but got 0 for model 'clip_vit_b32': it takes 'image' alone"
    )]
    error: String,
}

/// A request for embeddings; other fields and parameters are ignored.
#[derive(ToSchema)]
#[schema(example = json!({
    "inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a photo of a cat"]}]
}))]
struct InferRequest {
    /// Comes back with the answer.
    #[schema(max_length = 1024)]
    id: Option<String>,
    parameters: Option<InferRequestParameters>,
    /// The model's one input.
    #[schema(min_items = 1, max_items = 1)]
    inputs: Vec<InferInput>,
    /// The model's one output; all, where it is left out.
    #[schema(max_items = 16)]
    outputs: Option<Vec<InferRequestedOutput>>,
}

#[derive(ToSchema)]
struct InferRequestParameters {
    /// Whether outputs are wanted as bytes after the JSON.
    binary_data_output: Option<bool>,
}

/// A tensor that goes in.
#[derive(ToSchema)]
struct InferInput {
    /// `image` or `text`.
    #[schema(example = "text")]
    name: String,
    /// `FP32` or `BYTES`.
    #[schema(example = "BYTES")]
    datatype: String,
    /// Its shape, the batch first.
    #[schema(max_items = 16, example = json!([1]))]
    shape: Vec<i64>,
    parameters: Option<InferInputParameters>,
    /// Its elements, nested or flat: numbers, texts, or files in base64. Nothing where bytes follow
    /// the JSON.
    #[schema(value_type = Option<Vec<Value>>, example = json!(["a photo of a cat"]))]
    data: Option<Vec<u8>>,
}

#[derive(ToSchema)]
struct InferInputParameters {
    /// Bytes of the tensor, which follow the JSON.
    binary_data_size: Option<u64>,
}

/// A tensor that is wanted.
#[derive(ToSchema)]
struct InferRequestedOutput {
    /// `embedding`.
    #[schema(example = "embedding")]
    name: String,
    parameters: Option<InferRequestedOutputParameters>,
}

#[derive(ToSchema)]
struct InferRequestedOutputParameters {
    /// Whether it is wanted as bytes after the JSON.
    binary_data: Option<bool>,
}

/// Embeddings.
#[derive(ToSchema)]
struct InferResponse {
    /// Name of the model.
    #[schema(example = "clip_vit_b32_text")]
    model_name: String,
    /// Its version.
    #[schema(example = "1")]
    model_version: String,
    /// The request's.
    #[schema(nullable = false)]
    id: Option<String>,
    /// The one output.
    outputs: Vec<InferOutput>,
}

/// A tensor that comes out.
#[derive(ToSchema)]
struct InferOutput {
    /// `embedding`.
    #[schema(example = "embedding")]
    name: String,
    /// `FP32`.
    #[schema(example = "FP32")]
    datatype: String,
    /// One row for each element of the request.
    #[schema(example = json!([1, 512]))]
    shape: Vec<u64>,
    /// Its numbers, row by row.
    #[schema(nullable = false)]
    data: Option<Vec<f32>>,
}

/// A body of JSON with tensors as bytes after it.
#[derive(ToSchema)]
#[schema(value_type = Value)]
struct Tensors(Vec<u8>);

/// Which models are listed.
#[derive(ToSchema)]
struct IndexRequest {
    /// Whether only those that are ready are.
    ready: Option<bool>,
}

/// Errors of a request for embeddings.
#[derive(IntoResponses)]
enum InferErrors {
    /// A request that does not fit the model, or a photo that cannot be decoded
    #[response(status = 400)]
    BadRequest(#[to_schema] OipErrorBody),
    /// No such model or version
    #[response(status = 404)]
    Unknown(#[to_schema] OipErrorBody),
    /// The body came too slowly
    #[response(status = 408)]
    Timeout(#[to_schema] OipErrorBody),
    /// Too many elements, or too large a body
    #[response(status = 413)]
    TooLarge(#[to_schema] OipErrorBody),
    /// The service is busy: send the request again after the seconds of `Retry-After`
    #[response(status = 429, headers(("Retry-After" = u64, description = "Seconds")))]
    Busy(#[to_schema] OipErrorBody),
    /// A fault of the service
    #[response(status = 500)]
    Internal(#[to_schema] OipErrorBody),
    /// The weights are being loaded, or the service is stopping
    #[response(status = 503)]
    Unavailable(#[to_schema] OipErrorBody),
}

/// Declares what a path answers, once for a model and once for its version.
macro_rules! of_model {
    ($(#[$about:meta])* $name:ident, $of_version:ident, $path:literal, $ok:literal, $answer:ty) => {
        $(#[$about])*
        #[utoipa::path(
            get, path = concat!("/v2/models/{model}", $path), params(ModelPath),
            tag = "open inference protocol",
            responses(
                (status = 200, description = $ok, body = $answer),
                (status = 404, description = "No such model", body = OipErrorBody),
                (status = 503, description = "The weights are being loaded", body = OipErrorBody),
            ),
        )]
        fn $name() {}

        $(#[$about])*
        #[utoipa::path(
            get, path = concat!("/v2/models/{model}/versions/{version}", $path), params(VersionPath),
            tag = "open inference protocol",
            responses(
                (status = 200, description = $ok, body = $answer),
                (status = 404, description = "No such model", body = OipErrorBody),
                (status = 503, description = "The weights are being loaded", body = OipErrorBody),
            ),
        )]
        fn $of_version() {}
    };
}

of_model!(
    /// The tensors of a model
    metadata, metadata_of_version, "", "The tensors", ModelMetadataResponse
);
of_model!(
    /// A model as Triton's configurations state it
    config, config_of_version, "/config", "The configuration", ModelConfig
);
of_model!(
    /// What was inferred with a model so far
    stats, stats_of_version, "/stats", "The statistics", ModelStatisticsResponse
);

/// Whether a model answers
#[utoipa::path(
    get, path = "/v2/models/{model}/ready", params(ModelPath), tag = "open inference protocol",
    responses(
        (status = 200, description = "It does", body = ModelReady),
        (status = 400, description = "It does not", body = ModelReady),
        (status = 404, description = "No such model", body = OipErrorBody),
    ),
)]
fn model_ready() {}

/// Whether a model answers
#[utoipa::path(
    get, path = "/v2/models/{model}/versions/{version}/ready", params(VersionPath),
    tag = "open inference protocol",
    responses(
        (status = 200, description = "It does", body = ModelReady),
        (status = 400, description = "It does not", body = ModelReady),
        (status = 404, description = "No such model", body = OipErrorBody),
    ),
)]
fn model_ready_of_version() {}

/// Embed tensors, photos or texts
///
/// All of the body is JSON, unless a header `Inference-Header-Content-Length` says how many bytes of it
/// are: those of the tensor follow. With 0 all of it is one tensor of one element.
#[utoipa::path(
    post, path = "/v2/models/{model}/infer", params(ModelPath),
    tag = "open inference protocol",
    request_body(content((InferRequest = "application/json"), (Tensors = "application/octet-stream"))),
    responses(
        (
            status = 200,
            description = "The embeddings, as JSON or, where that was asked for, with their bytes after it",
            content((InferResponse = "application/json"), (Tensors = "application/octet-stream")),
        ),
        InferErrors,
    ),
)]
fn infer() {}

/// Embed tensors, photos or texts
///
/// All of the body is JSON, unless a header `Inference-Header-Content-Length` says how many bytes of it
/// are: those of the tensor follow. With 0 all of it is one tensor of one element.
#[utoipa::path(
    post, path = "/v2/models/{model}/versions/{version}/infer", params(VersionPath),
    tag = "open inference protocol",
    request_body(content((InferRequest = "application/json"), (Tensors = "application/octet-stream"))),
    responses(
        (
            status = 200,
            description = "The embeddings, as JSON or, where that was asked for, with their bytes after it",
            content((InferResponse = "application/json"), (Tensors = "application/octet-stream")),
        ),
        InferErrors,
    ),
)]
fn infer_of_version() {}

/// What serves
#[utoipa::path(
    get, path = "/v2", tag = "open inference protocol",
    responses((status = 200, description = "The server", body = ServerMetadataResponse)),
)]
fn server() {}

/// Whether the process works
#[utoipa::path(
    get, path = "/v2/health/live", tag = "open inference protocol",
    responses((status = 200, description = "It does", body = ServerLiveResponse)),
)]
fn live() {}

/// Whether requests should be sent here
#[utoipa::path(
    get, path = "/v2/health/ready", tag = "open inference protocol",
    responses(
        (status = 200, description = "They are welcome", body = ServerReadyResponse),
        (status = 400, description = "Not now: as /readyz", body = ServerReadyResponse),
    ),
)]
fn ready() {}

/// What was inferred with all models so far
#[utoipa::path(
    get, path = "/v2/models/stats", tag = "open inference protocol",
    responses((status = 200, description = "The statistics", body = ModelStatisticsResponse)),
)]
fn all_stats() {}

/// All models
#[utoipa::path(
    post, path = "/v2/repository/index", tag = "open inference protocol",
    request_body(content = Option<IndexRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The models", body = Vec<ModelIndex>),
        (status = 400, description = "The body is no such JSON", body = OipErrorBody),
        (status = 413, description = "The body is too large", body = OipErrorBody),
    ),
)]
fn index() {}
