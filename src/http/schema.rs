//! The shapes of embedding requests and their answers, as they are sent and as `/openapi.json`
//! describes them.

use serde::Serialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::rejection::ErrorBody;
use crate::{
    model::{Embedding, ModelInfo},
    upload::OnError,
};

/// The answer to an embedding request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Embeddings {
    /// One for each photo, in the order of the request, of L2 norm 1; `null` for a photo that
    /// failed when `on_error` is `skip`.
    #[schema(value_type = Vec<Option<Vec<f32>>>)]
    pub(super) embeddings: Vec<Option<Embedding>>,
    /// The model that made them.
    pub(super) model_info: ModelInfo,
    /// Length of `embeddings`.
    #[schema(example = 1)]
    pub(super) count: usize,
    /// With `on_error=skip`, why photos failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) errors: Option<Vec<Failed>>,
}

/// A photo that failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failed {
    /// Its place in the request, from 0.
    #[schema(example = 3)]
    pub(super) index: usize,
    /// What was wrong, for programs; stable.
    #[schema(example = "truncated_image")]
    pub(super) code: &'static str,
    /// What was wrong, for people.
    pub(super) detail: String,
}

/// The JSON body of a request; other fields are ignored.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmbedRequest {
    /// Photos in base64, or as `data:image/...;base64,...`.
    #[schema(min_items = 1)]
    images: Vec<String>,
    /// Must name the model that is served, if it is given.
    #[schema(example = "ViT-B-32")]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
    /// Whether one photo that fails fails the request.
    on_error: Option<OnError>,
}

/// The JSON body of a request for the embeddings of texts; other fields are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::text` reads by hand")]
pub struct EmbedTextRequest {
    /// Texts, at least one; a single one may also stand without a list.
    #[schema(min_items = 1, example = json!(["a photo of a cat"]))]
    texts: Vec<String>,
    /// Must name the model that is served, if it is given.
    #[schema(example = "ViT-B-32")]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
}

/// The JSON body of a zero-shot classification; other fields are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::classify` reads by hand")]
pub struct ClassifyRequest {
    /// Photos in base64, or as `data:image/...;base64,...`.
    #[schema(min_items = 1)]
    images: Vec<String>,
    /// What they may show.
    #[schema(min_items = 1, example = json!(["cat", "dog"]))]
    labels: Vec<String>,
    /// Sentences in which `{}` stands for a label; of several the mean direction is taken. By default
    /// CLIP's own, `a photo of a {}.`
    #[schema(example = json!(["a photo of a {}."]))]
    template: Option<Vec<String>>,
    /// What cosines are multiplied by before the softmax, instead of what the model was trained with.
    logit_scale: Option<f32>,
    /// Must name the model that is served, if it is given.
    #[schema(example = "ViT-B-32")]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
}

/// The JSON body of `/similarity`: photos or vectors; other fields are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::similarity` reads by hand")]
pub struct SimilarityRequest {
    /// Photos in base64, or as `data:image/...;base64,...`.
    images: Option<Vec<String>>,
    /// Instead of photos: vectors of one length, of any norm but 0.
    #[schema(example = json!([[0.6, 0.8], [1.0, 0.0]]))]
    vectors: Option<Vec<Vec<f32>>>,
    /// Which two are compared, by their places from 0; by default each with each.
    #[schema(example = json!([[0, 1]]))]
    pairs: Option<Vec<[usize; 2]>>,
    /// Must name the model that is served, if it is given.
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
}

/// The JSON body of `/duplicates`: photos or vectors; other fields are ignored.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::duplicates` reads by hand")]
pub struct DuplicatesRequest {
    /// Photos in base64, or as `data:image/...;base64,...`.
    images: Option<Vec<String>>,
    /// Instead of photos: vectors of one length, of any norm but 0; at most 10,000.
    #[schema(example = json!([[0.6, 0.8], [1.0, 0.0]]))]
    vectors: Option<Vec<Vec<f32>>>,
    /// Least cosine that links two; by default 0.95.
    #[schema(minimum = -1, maximum = 1, example = 0.95)]
    threshold: Option<f64>,
    /// Whether one photo that fails fails the request.
    on_error: Option<OnError>,
    /// Must name the model that is served, if it is given.
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    pretrained: Option<String>,
}

/// A form with photos for `/duplicates`; the threshold stands in the query.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::multipart` reads by hand")]
pub struct DuplicatesForm {
    /// Photos, as files.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    files: Vec<Vec<u8>>,
    /// Whether one photo that fails fails the request.
    #[schema(nullable = false)]
    on_error: Option<OnError>,
}

/// Query of `/duplicates`; the body's fields of the same name come first.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `http::duplicates` reads by hand")]
pub(super) struct DuplicatesQuery {
    /// Least cosine that links two.
    #[param(nullable = false, minimum = -1, maximum = 1)]
    threshold: Option<f64>,
    /// Must name the model that is served, if it is given.
    #[param(nullable = false)]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    #[param(nullable = false)]
    pretrained: Option<String>,
    /// Whether one photo that fails fails the request.
    #[param(inline, nullable = false)]
    on_error: Option<OnError>,
}

/// A form with photos; its fields are text, which is never `null`.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what `http::multipart` reads by hand")]
pub struct EmbedForm {
    /// Photos, as files.
    #[schema(value_type = Vec<String>, format = Binary, min_items = 1)]
    files: Vec<Vec<u8>>,
    /// Must name the model that is served, if it is given.
    #[schema(nullable = false)]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    #[schema(nullable = false)]
    pretrained: Option<String>,
    /// Whether one photo that fails fails the request.
    #[schema(nullable = false)]
    on_error: Option<OnError>,
}

/// The file of one photo, as it is.
///
/// No schema: it is neither JSON nor text.
#[derive(ToSchema)]
#[schema(value_type = Value)]
#[expect(dead_code, reason = "describes a body that is taken as it is")]
pub(super) struct PhotoFile(Vec<u8>);

/// Query of the routes that embed; the body's fields of the same name come first.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `http::embed` reads by hand")]
pub(super) struct EmbedQuery {
    /// Must name the model that is served, if it is given.
    #[param(nullable = false)]
    model_name: Option<String>,
    /// Must name the weights that are served, if it is given.
    #[param(nullable = false)]
    pretrained: Option<String>,
    /// Whether one photo that fails fails the request.
    #[param(inline, nullable = false)]
    on_error: Option<OnError>,
}

/// Declares the answers of a route that embeds, of which only the good one differs.
macro_rules! responses {
    ($(#[$about:meta])* $name:ident, $ok:literal, $answer:ty) => {
        $(#[$about])*
        #[derive(IntoResponses)]
        #[expect(dead_code, reason = "describes what `http::rejection` answers")]
        pub(super) enum $name {
            #[doc = $ok]
            #[response(status = 200)]
            Ok(#[to_schema] $answer),
            /// A photo that cannot be embedded, no photos, or another model than the one that is served
            #[response(status = 400)]
            BadRequest(#[to_schema] ErrorBody),
            /// The body came too slowly
            #[response(status = 408)]
            Timeout(#[to_schema] ErrorBody),
            /// Too many photos, or too large a body
            #[response(status = 413)]
            TooLarge(#[to_schema] ErrorBody),
            /// A content type that the route does not take
            #[response(status = 415)]
            ContentType(#[to_schema] ErrorBody),
            /// A body or query that fails validation; `detail` is FastAPI's list
            #[response(status = 422)]
            Validation(#[to_schema] ErrorBody),
            /// The service is busy: send the request again after the seconds of `Retry-After`
            #[response(status = 429, headers(("Retry-After" = u64, description = "Seconds")))]
            Busy(#[to_schema] ErrorBody),
            /// A fault of the service
            #[response(status = 500)]
            Internal(#[to_schema] ErrorBody),
            /// The weights are being loaded, or the service is stopping
            #[response(status = 503)]
            Unavailable(#[to_schema] ErrorBody),
        }
    };
}

responses!(
    /// Answers of the routes that embed.
    EmbedResponses,
    "The embeddings, in the order of the inputs",
    Embeddings
);

responses!(
    /// Answers of `/classify`.
    ClassifyResponses,
    "The labels, for each photo in the order of the request",
    super::classify::Classified
);

responses!(
    /// Answers of `/similarity`.
    SimilarityResponses,
    "The cosines",
    super::similarity::Similarity
);

responses!(
    /// Answers of `/duplicates`.
    DuplicatesResponses,
    "The groups",
    super::duplicates::Duplicates
);
