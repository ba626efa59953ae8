//! The shapes of OpenAI's requests and answers, as they are sent and as `/openapi.json` describes them.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::error::OpenAiError;

/// One string, or a list of them.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `upload::texts` reads by hand")]
pub enum OneOrMany {
    /// One.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// A request for embeddings; other fields, `model` and `user` among them, are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub struct OpenAiRequest {
    /// Texts, and photos as `data:image/...;base64,...`.
    input: OneOrMany,
    /// Any name: the model that is served answers.
    #[schema(example = "ViT-B-32")]
    model: Option<String>,
    /// What the strings are: one for all, or a list with one for each. By default photos are told by
    /// their beginning; with `image`, base64 may also stand alone.
    modality: Option<Modalities>,
    /// How the numbers are written.
    encoding_format: Option<EncodingFormat>,
    /// So many numbers of each embedding, the first ones, of L2 norm 1 again; 0 for all.
    #[schema(example = 0)]
    dimensions: Option<u32>,
    /// What becomes of texts of more than 77 tokens: they are cut (`END`), or refused (`NONE`).
    truncate: Option<Truncate>,
    /// Ignored.
    user: Option<String>,
}

/// A request for embeddings of photos; other fields are ignored.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub struct OpenAiImageRequest {
    /// Photos as `data:image/...;base64,...` or in base64 alone.
    input: OneOrMany,
    /// Any name: the model that is served answers.
    #[schema(example = "ViT-B-32")]
    model: Option<String>,
    /// How the numbers are written.
    encoding_format: Option<EncodingFormat>,
    /// Ignored.
    user: Option<String>,
}

/// What strings are.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub enum Modalities {
    /// All of them.
    All(Modality),
    /// Each.
    Each(Vec<Modality>),
}

/// What a string is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub enum Modality {
    /// A text.
    Text,
    /// A photo.
    Image,
}

/// How numbers are written.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub enum EncodingFormat {
    /// As JSON.
    Float,
    /// As base64 of f32, little-endian.
    Base64,
}

/// What becomes of a text that is too long.
#[derive(ToSchema)]
#[schema(rename_all = "UPPERCASE")]
#[expect(dead_code, reason = "describes what `openai::request` reads by hand")]
pub enum Truncate {
    /// Its end is cut.
    End,
    /// It is refused.
    None,
}

/// The embeddings.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingList {
    /// `list`.
    #[schema(example = "list")]
    pub(super) object: &'static str,
    /// One for each input, in their order.
    pub(super) data: Vec<EmbeddingObject>,
    /// The model that made them.
    #[schema(example = "ViT-B-32")]
    pub(super) model: String,
    /// What the model read.
    pub(super) usage: Usage,
    /// A new one for each answer.
    #[schema(example = "emb-7e57d004-2b97-4e7a-b45f-5387367791cd")]
    pub(super) id: String,
    /// When it was made, in seconds since 1970.
    pub(super) created: u64,
}

/// One embedding.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbeddingObject {
    /// `embedding`.
    #[schema(example = "embedding")]
    pub(super) object: &'static str,
    /// Its numbers, of L2 norm 1.
    pub(super) embedding: Numbers,
    /// Place of its input in the request, from 0.
    #[schema(example = 0)]
    pub(super) index: usize,
}

/// The numbers of an embedding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Numbers {
    /// As JSON.
    Float(Vec<f32>),
    /// As base64 of f32, little-endian.
    Base64(String),
}

/// What the model read of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Tokens: those of the texts with start and end, and of each photo one for each patch and one
    /// more (50 for ViT-B-32).
    #[schema(example = 57)]
    pub(super) prompt_tokens: usize,
    /// The same.
    #[schema(example = 57)]
    pub(super) total_tokens: usize,
}

/// Answers of the routes that embed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "describes what `openai::error` answers")]
pub(super) enum OpenAiResponses {
    /// The embeddings, in the order of the inputs
    #[response(status = 200)]
    Ok(#[to_schema] EmbeddingList),
    /// A request that is not as it should be, or a photo that cannot be embedded
    #[response(status = 400)]
    BadRequest(#[to_schema] OpenAiError),
    /// The body came too slowly
    #[response(status = 408)]
    Timeout(#[to_schema] OpenAiError),
    /// Too large a body
    #[response(status = 413)]
    TooLarge(#[to_schema] OpenAiError),
    /// The service is busy: send the request again after the seconds of `Retry-After`
    #[response(status = 429, headers(("Retry-After" = u64, description = "Seconds")))]
    Busy(#[to_schema] OpenAiError),
    /// A fault of the service
    #[response(status = 500)]
    Internal(#[to_schema] OpenAiError),
    /// The weights are being loaded, the service is stopping, or texts have to wait
    #[response(status = 503)]
    Unavailable(#[to_schema] OpenAiError),
}
