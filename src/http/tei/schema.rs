//! The shapes of TEI's requests and answers, and of those of `/embed`, which has two protocols, as
//! `/openapi.json` describes them.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::error::TeiError;
use crate::http::{
    openai::schema::OneOrMany,
    rejection::ErrorBody,
    schema::{EmbedRequest, Embeddings},
};

/// A request for embeddings in TEI's shape; other fields are ignored.
#[derive(Serialize, ToSchema)]
pub struct TeiRequest {
    /// Texts, and photos as `data:image/...;base64,...`.
    inputs: OneOrMany,
    /// Whether embeddings have the L2 norm 1, as they have by default.
    normalize: Option<bool>,
    /// Whether texts of more than 77 tokens are cut; by default they are refused.
    truncate: Option<bool>,
    /// Where texts are cut: `Right`, at their end.
    #[schema(example = "Right")]
    truncation_direction: Option<String>,
    /// Must be `null`: CLIP has no prompts.
    prompt_name: Option<String>,
    /// So many numbers of each embedding, the first ones; 0 for all.
    #[schema(example = 0)]
    dimensions: Option<u32>,
}

/// The JSON of `/embed`: ours with `images`, or TEI's with `inputs`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `http::tei` reads by hand")]
pub(in crate::http) enum EmbedJson {
    /// Photos in `images`.
    Ours(EmbedRequest),
    /// Texts and photos in `inputs`.
    Tei(TeiRequest),
}

/// The answer of `/embed`: ours to `images`, or TEI's to `inputs`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `http::tei` answers")]
pub(in crate::http) enum EmbedAnswer {
    /// To `images`.
    Ours(Embeddings),
    /// To `inputs`: one list of numbers for each, in their order.
    Tei(Vec<Vec<f32>>),
}

/// An error of `/embed`: ours to `images`, or TEI's to `inputs`.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `http::tei` answers")]
pub(in crate::http) enum EmbedError {
    /// To `images`, and wherever the body has not been read.
    Ours(ErrorBody),
    /// To `inputs`.
    Tei(TeiError),
}

/// Declares the answers of a route that speaks TEI's protocol.
macro_rules! responses {
    ($(#[$about:meta])* $name:ident, $answer:ty, $error:ty) => {
        $(#[$about])*
        #[derive(IntoResponses)]
        #[expect(dead_code, reason = "describes what `tei::error` answers")]
        pub(in crate::http) enum $name {
            /// The embeddings, in the order of the inputs
            #[response(status = 200)]
            Ok(#[to_schema] $answer),
            /// Nothing to embed; to `images` also a photo that cannot be embedded, or another model
            #[response(status = 400)]
            BadRequest(#[to_schema] $error),
            /// The body came too slowly
            #[response(status = 408)]
            Timeout(#[to_schema] $error),
            /// Too large a body; to `images` also too many
            #[response(status = 413)]
            TooLarge(#[to_schema] $error),
            /// A content type that the route does not take
            #[response(status = 415)]
            ContentType(#[to_schema] $error),
            /// A request that is not as it should be
            #[response(status = 422)]
            Validation(#[to_schema] $error),
            /// The model failed on `inputs`
            #[response(status = 424)]
            Backend(#[to_schema] $error),
            /// The service is busy: send the request again after the seconds of `Retry-After`
            #[response(status = 429, headers(("Retry-After" = u64, description = "Seconds")))]
            Busy(#[to_schema] $error),
            /// A fault of the service
            #[response(status = 500)]
            Internal(#[to_schema] $error),
            /// The weights are being loaded, or the service is stopping
            #[response(status = 503)]
            Unavailable(#[to_schema] $error),
        }
    };
}

responses!(
    /// Answers of `/`.
    TeiResponses,
    Vec<Vec<f32>>,
    TeiError
);

responses!(
    /// Answers of `/embed`.
    EitherResponses,
    EmbedAnswer,
    EmbedError
);
