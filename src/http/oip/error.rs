//! What can be wrong with a request of the protocol, by whichever transport it came.

use crate::metrics::{TRITON_MODELS, TRITON_VERSION};

/// Why a request of the Open Inference Protocol cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OipError {
    /// No such model.
    #[error(
        "Request for unknown model: '{name}' is not found; the models are {models}",
        models = TRITON_MODELS.join(", ")
    )]
    UnknownModel {
        /// What was asked for.
        name: String,
    },
    /// No such version of the model.
    #[error(
        "Request for unknown model: '{model}' version {version} is not found; its only version is \
         {TRITON_VERSION}"
    )]
    UnknownVersion {
        /// The model.
        model: &'static str,
        /// What was asked for.
        version: String,
    },
    /// Something that Triton serves and this service does not.
    #[error("{0} is not served here")]
    NotServed(String),
    /// The head of the body that the header announces is not there.
    #[error(
        "Inference-Header-Content-Length is {found}, but the body has {body} bytes: it must be the \
         number of bytes of JSON that the body begins with, or 0 where there is none"
    )]
    Header {
        /// What the header says.
        found: String,
        /// Bytes of the body.
        body: usize,
    },
    /// Not one input.
    #[error("expected 1 input but got {found} for model '{model}': it takes '{input}' alone")]
    InputCount {
        /// How many there are.
        found: usize,
        /// The model.
        model: &'static str,
        /// Its input.
        input: &'static str,
    },
    /// An input of another name.
    #[error("unexpected inference input '{found}' for model '{model}': it takes '{input}'")]
    UnknownInput {
        /// What was given.
        found: String,
        /// The model.
        model: &'static str,
        /// Its input.
        input: &'static str,
    },
    /// An output that the model has not.
    #[error("unexpected inference output '{found}' for model '{model}': it has 'embedding'")]
    UnknownOutput {
        /// What was asked for.
        found: String,
        /// The model.
        model: &'static str,
    },
    /// Elements of another type.
    #[error("input '{input}' of model '{model}' has the datatype {expected}, not '{found}'")]
    Datatype {
        /// The model.
        model: &'static str,
        /// Its input.
        input: &'static str,
        /// Its type.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// Another shape.
    #[error(
        "input '{input}' of model '{model}' has the shape {expected}, N at least 1, not {found}"
    )]
    Shape {
        /// The model.
        model: &'static str,
        /// Its input.
        input: &'static str,
        /// Its shape.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An input without its elements, or with two sets of them.
    #[error("input '{input}' {wrong}")]
    Data {
        /// The input.
        input: &'static str,
        /// What is wrong with its elements.
        wrong: String,
    },
    /// A text that is none.
    #[error("element {index} of input 'text' is not UTF-8")]
    NotUtf8 {
        /// Its place.
        index: usize,
    },
    /// The tensors take more memory than there is, however long one waits.
    #[error(
        "the inputs take {needed} bytes more than the body that they came in, and this service has \
         {limit} for that (--memory-limit): send fewer at once, or as binary data"
    )]
    TooLarge {
        /// Bytes that they take.
        needed: u64,
        /// Bytes that there are.
        limit: u64,
    },
    /// A call without tensors that is larger than any of its kind.
    #[error("the request has more than the {limit} bytes that a call without tensors may have")]
    LongCall {
        /// The most.
        limit: usize,
    },
    /// An `id` that nobody needs to be so long.
    #[error("id has {found} bytes, the most is {MOST_ID}")]
    LongId {
        /// Its length.
        found: usize,
    },
}

// What parameters of tensors may ask for in vain.
pub(in crate::http) const SHARED_MEMORY: &str = "shared memory";
pub(in crate::http) const CLASSIFICATION: &str = "the classification extension";

/// Bytes of an `id`, which is sent back.
pub(in crate::http) const MOST_ID: usize = 1024;

/// Characters of a client's text that are repeated in a message.
const MOST_ECHO: usize = 100;

impl OipError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } | Self::UnknownVersion { .. } => "unknown_model",
            Self::NotServed(_) => "not_served",
            Self::TooLarge { .. } => "tensor_too_large",
            Self::LongCall { .. } => "call_too_large",
            _ => "invalid_inference",
        }
    }

    /// The beginning of what a client sent.
    pub(in crate::http) fn cut(text: &str) -> String {
        text.chars().take(MOST_ECHO).collect()
    }
}
