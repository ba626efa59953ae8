//! The embeddings protocol of OpenAI, with what Infinity and NVIDIA's NIM add to it for photos: texts
//! and photos in one list, in order. Any model's name is taken, as Infinity does that serves one.

pub(super) mod error;
pub(super) mod models;
pub(super) mod nim;
mod request;
pub(super) mod schema;

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use request::{Encoding, Wanted};
use schema::{
    EmbeddingList, EmbeddingObject, Numbers, OpenAiImageRequest, OpenAiRequest, OpenAiResponses,
};
use uuid::Uuid;

use super::{
    App, clock,
    input::Modality,
    passage::{self, Passed},
    rejection::Rejection,
    reply::little_endian,
};
use crate::{
    embedder::Length,
    metrics::{self, Stage},
};

/// Embed texts and photos (OpenAI, Infinity, NIM); the same at /embeddings
///
/// A string that begins with `data:image/` is a photo, any other a text, unless `modality` says what
/// they are. Any `model` is taken; the answer names the one that is served.
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    tag = "openai",
    request_body(content = OpenAiRequest, content_type = "application/json"),
    responses(OpenAiResponses),
)]
pub(super) async fn embeddings(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    answer(&app, Modality::Detect, request).await
}

/// The same as /v1/embeddings
#[utoipa::path(
    post,
    path = "/embeddings",
    tag = "openai",
    request_body(content = OpenAiRequest, content_type = "application/json"),
    responses(OpenAiResponses),
)]
#[expect(dead_code, reason = "describes the second name of `embeddings`")]
pub(super) fn embeddings_without_prefix() {}

/// Embed photos (Infinity); the same at /embeddings_image
///
/// As `/v1/embeddings` with the modality `image`, which is better.
#[utoipa::path(
    post,
    path = "/v1/embeddings_image",
    tag = "openai",
    request_body(content = OpenAiImageRequest, content_type = "application/json"),
    responses(OpenAiResponses),
)]
#[deprecated = "in Infinity"]
pub(super) async fn embeddings_image(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    answer(&app, Modality::Image, request).await
}

/// The same as /v1/embeddings_image
#[utoipa::path(
    post,
    path = "/embeddings_image",
    tag = "openai",
    request_body(content = OpenAiImageRequest, content_type = "application/json"),
    responses(OpenAiResponses),
)]
#[deprecated = "in Infinity"]
#[expect(dead_code, reason = "describes the second name of `embeddings_image`")]
pub(super) fn embeddings_image_without_prefix() {}

async fn answer(app: &App, modality: Modality, request: Request) -> Result<Response, Rejection> {
    let all = app.embedder()?.architecture().embed_dim;
    let passed = passage::pass(app, request, move |_, body, limits| {
        request::take_apart(&body, limits, modality, all)
    });
    Ok(write(passed.await?))
}

fn write(passed: Passed<Wanted>) -> Response {
    let writing = Instant::now();
    let (times, embedder) = (passed.times, Arc::clone(&passed.embedder));
    let texts = passed.tokens;
    let (embeddings, Wanted { encoding, dimensions, photos }) = passed.embeddings();
    let data = embeddings.into_iter().enumerate().map(|(index, embedding)| {
        let numbers = dimensions.cut(embedding, Length::Unit);
        let embedding = match encoding {
            Encoding::Float => Numbers::Float(numbers),
            Encoding::Base64 => Numbers::Base64(STANDARD.encode(little_endian(&numbers))),
        };
        EmbeddingObject { object: "embedding", embedding, index }
    });
    let tokens = texts + photos * embedder.architecture().vision.tokens();
    let list = EmbeddingList {
        object: "list",
        data: data.collect(),
        model: embedder.info().model_name,
        usage: schema::Usage { prompt_tokens: tokens, total_tokens: tokens },
        id: format!("emb-{}", Uuid::new_v4()),
        created: clock::since_1970().as_secs(),
    };
    let mut response = Json(list).into_response();
    times.tell(&mut response);
    metrics::stage(Stage::Write, writing.elapsed());
    response
}
