//! The values that labels take. All are known beforehand, so that there are never more time series
//! than these lists allow, and each is there at zero from the start.

/// What is done for a request, in this order; the label `stage`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A request's body comes in.
    Read,
    /// JSON or a form is taken apart.
    Parse,
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
    pub(super) const ALL: [Self; 7] = [
        Self::Read,
        Self::Parse,
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
pub(super) const OUTCOMES: [&str; 15] = [
    "embedded",
    "expired",
    "abandoned",
    "invalid_base64",
    "empty_image",
    "unknown_image_format",
    "zero_size_image",
    "too_many_pixels",
    "truncated_image",
    "corrupt_image",
    "unsupported_image",
    "out_of_memory",
    "too_large_to_decode",
    "decoder_failed",
    "model_failed",
];

/// Why a request is refused without being computed.
pub const REFUSALS: [&str; 6] =
    ["hopeless", "queue_timeout", "memory", "too_large", "starting", "stopping"];

/// The routes that embed, all by POST.
pub(super) const EMBEDDING: [&str; 3] = ["/embed", "/embed/base64", "/embed/batch"];

/// Statuses that a request to embed is answered with in the ordinary course of things.
pub(super) const EMBEDDING_STATUSES: [u16; 8] = [200, 400, 408, 413, 422, 429, 500, 503];

/// The routes that tell something, all by GET, with the statuses that they answer with.
pub(super) const INFORMING: [(&str, &[u16]); 9] = [
    ("/health", &[200, 503]),
    ("/healthz", &[200, 503]),
    ("/startupz", &[200, 503]),
    ("/readyz", &[200, 503]),
    ("/livez", &[200, 503]),
    ("/model-info", &[200, 503]),
    ("/gpu-info", &[200]),
    ("/metrics", &[200]),
    ("/openapi.json", &[200]),
];
