//! The values that labels take. All are known beforehand, so that there are never more time series
//! than these lists allow, and each is there at zero from the start.

/// What is done for a request, in this order; the label `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A request's body comes in.
    Read,
    /// JSON or a form is taken apart.
    Parse,
    /// The photos of one request that are URLs are fetched.
    Fetch,
    /// One photo becomes pixels.
    Decode,
    /// One photo's pixels become the model's square.
    Resize,
    /// One request's pixels wait for the model.
    Queue,
    /// One forward pass.
    Forward,
    /// An answer is written.
    Write,
}

impl Stage {
    pub(super) const ALL: [Self; 8] = [
        Self::Read,
        Self::Parse,
        Self::Fetch,
        Self::Decode,
        Self::Resize,
        Self::Queue,
        Self::Forward,
        Self::Write,
    ];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Parse => "parse",
            Self::Fetch => "fetch",
            Self::Decode => "decode",
            Self::Resize => "resize",
            Self::Queue => "queue",
            Self::Forward => "forward",
            Self::Write => "write",
        }
    }
}

/// What memory is reserved for; the label `pool`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Bodies of requests.
    Bodies,
    /// Photos being decoded.
    Decodes,
}

impl Pool {
    pub(super) const ALL: [Self; 2] = [Self::Bodies, Self::Decodes];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Bodies => "bodies",
            Self::Decodes => "decodes",
        }
    }
}

/// Where a panic was caught; the label `place`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the decoding of a photo.
    Decoder,
    /// In the model.
    Model,
    /// In other work on a request.
    Handler,
    /// Anywhere else.
    Other,
}

impl Place {
    pub(super) const ALL: [Self; 4] = [Self::Decoder, Self::Model, Self::Handler, Self::Other];

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Decoder => "decoder",
            Self::Model => "model",
            Self::Handler => "handler",
            Self::Other => "other",
        }
    }
}

/// What becomes of an image: embedded, dropped, or the code of its error.
pub(super) const OUTCOMES: [&str; 24] = [
    "embedded",
    "expired",
    "abandoned",
    "invalid_base64",
    "url_disabled",
    "url_invalid",
    "url_not_allowed",
    "url_unreachable",
    "url_timeout",
    "url_too_large",
    "url_status",
    "url_bad_answer",
    "empty_image",
    "unknown_image_format",
    "zero_size_image",
    "too_many_pixels",
    "truncated_image",
    "corrupt_image",
    "unsupported_image",
    "invalid_tensor",
    "out_of_memory",
    "too_large_to_decode",
    "decoder_failed",
    "model_failed",
];

/// What becomes of a text.
pub(super) const TEXT_OUTCOMES: [&str; 4] = ["embedded", "expired", "abandoned", "model_failed"];

/// Why a request is refused without being computed.
pub const REFUSALS: [&str; 7] =
    ["hopeless", "queue_timeout", "memory", "too_large", "starting", "stopping", "unauthorized"];

/// The routes that embed, all by POST.
pub(super) const EMBEDDING: [&str; 15] = [
    "/embed",
    "/embed/base64",
    "/embed/batch",
    "/embed/text",
    "/classify",
    "/similarity",
    "/duplicates",
    "/v1/embeddings",
    "/embeddings",
    "/v1/embeddings_image",
    "/embeddings_image",
    "/",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
    "/inference.GRPCInferenceService/ModelInfer",
];

/// Statuses that a request to embed is answered with in the ordinary course of things.
pub(super) const EMBEDDING_STATUSES: [u16; 9] = [200, 400, 401, 408, 413, 422, 429, 500, 503];

/// The routes that tell something, all by GET, with the statuses that they answer with.
pub(super) const INFORMING: [(&str, &[u16]); 21] = [
    ("/health", &[200, 503]),
    ("/healthz", &[200, 503]),
    ("/startupz", &[200, 503]),
    ("/readyz", &[200, 503]),
    ("/livez", &[200, 503]),
    ("/model-info", &[200, 401, 503]),
    ("/gpu-info", &[200, 401]),
    ("/metrics", &[200]),
    ("/openapi.json", &[200]),
    ("/", &[200, 304]),
    ("/page/{file}", &[200, 304]),
    ("/api-doc/openapi.json", &[200]),
    ("/v1/models", &[200, 401, 503]),
    ("/models", &[200, 401, 503]),
    ("/v1/models/{*id}", &[200, 401, 404, 503]),
    ("/v1/health/live", &[200, 503]),
    ("/v1/health/ready", &[200, 503]),
    ("/v1/metadata", &[200, 401, 503]),
    ("/v1/version", &[200, 401]),
    ("/v1/metrics", &[200, 401]),
    ("/info", &[200, 401, 503]),
];

/// Those of the Open Inference Protocol.
pub(super) const INFORMING_OIP: [(&str, &[u16]); 12] = [
    ("/v2", &[200]),
    ("/v2/health/live", &[200]),
    ("/v2/health/ready", &[200, 400]),
    ("/v2/models/stats", &[200]),
    ("/v2/models/{model}", &[200, 404, 503]),
    ("/v2/models/{model}/ready", &[200, 400, 404]),
    ("/v2/models/{model}/config", &[200, 404, 503]),
    ("/v2/models/{model}/stats", &[200, 404]),
    ("/v2/models/{model}/versions/{version}", &[200, 404, 503]),
    ("/v2/models/{model}/versions/{version}/ready", &[200, 400, 404]),
    ("/v2/models/{model}/versions/{version}/config", &[200, 404, 503]),
    ("/v2/models/{model}/versions/{version}/stats", &[200, 404]),
];

/// The routes that tell something and are asked by POST; those of gRPC are counted with the status
/// that HTTP has for their own.
pub(super) const INFORMING_BY_POST: [(&str, &[u16]); 13] = [
    ("/v2/repository/index", &[200]),
    ("/inference.GRPCInferenceService/ServerLive", &[200]),
    ("/inference.GRPCInferenceService/ServerReady", &[200]),
    ("/inference.GRPCInferenceService/ModelReady", &[200, 404]),
    ("/inference.GRPCInferenceService/ServerMetadata", &[200]),
    ("/inference.GRPCInferenceService/ModelMetadata", &[200, 404, 503]),
    ("/inference.GRPCInferenceService/ModelConfig", &[200, 404, 503]),
    ("/inference.GRPCInferenceService/ModelStatistics", &[200, 404]),
    ("/inference.GRPCInferenceService/RepositoryIndex", &[200]),
    ("/grpc.health.v1.Health/Check", &[200]),
    ("/grpc.health.v1.Health/Watch", &[200]),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &[200]),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &[200]),
];

/// Models of the Open Inference Protocol; the label `model`. The first two are the same.
pub const TRITON_MODELS: [&str; 5] = [
    "openclip_vit_b32",
    "openclip_vit_b32_trt",
    "clip_vit_b32",
    "clip_vit_b32_jpeg",
    "clip_vit_b32_text",
];

/// Their one version; the label `version`.
pub const TRITON_VERSION: &str = "1";
