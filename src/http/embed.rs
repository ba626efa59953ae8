//! The routes that embed: let in, read, take apart, decode side by side, hand to the model, answer
//! in order.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{
    App, body, multipart,
    rejection::Rejection,
    schema::{EmbedForm, EmbedQuery, EmbedRequest, EmbedResponses, Embeddings, Failed, PhotoFile},
};
use crate::{
    admission::Refusal,
    batcher::{BatchError, Embedded},
    embedder::{Decoded, Embedder},
    metrics::{self, Stage},
    preprocess::Pixels,
    upload::{Limits, OnError, Photo, Wishes, json},
};

/// Embed photos given as base64 text
#[utoipa::path(
    post,
    path = "/embed/base64",
    tag = "embeddings",
    params(EmbedQuery),
    request_body(content = EmbedRequest, content_type = "application/json"),
    responses(EmbedResponses),
)]
pub(super) async fn embed_base64(
    State(app): State<Arc<App>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, Rejection> {
    answer(&app, Kind::Json, wishes(query)?, request).await
}

/// Embed photos uploaded as files
#[utoipa::path(
    post,
    path = "/embed/batch",
    tag = "embeddings",
    params(EmbedQuery),
    request_body(content = EmbedForm, content_type = "multipart/form-data"),
    responses(EmbedResponses),
)]
pub(super) async fn embed_batch(
    State(app): State<Arc<App>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, Rejection> {
    answer(&app, Kind::Form, wishes(query)?, request).await
}

/// Embed photos, however they come
///
/// JSON as `/embed/base64` takes it, a form as `/embed/batch` takes it, or one photo as the body,
/// with an image's content type or `application/octet-stream`.
#[utoipa::path(
    post,
    path = "/embed",
    tag = "embeddings",
    params(EmbedQuery),
    request_body(content(
        (EmbedRequest = "application/json"),
        (EmbedForm = "multipart/form-data"),
        (PhotoFile = "image/*"),
        (PhotoFile = "application/octet-stream"),
    )),
    responses(EmbedResponses),
)]
pub(super) async fn embed(
    State(app): State<Arc<App>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, Rejection> {
    let wishes = wishes(query)?;
    answer(&app, Kind::of(request.headers())?, wishes, request).await
}

/// What a body is, by its content type.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Form,
    Photo,
}

impl Kind {
    fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(Self::Json) };
        let value = value.to_str().unwrap_or("that is no text");
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            // curl's --data sends JSON as the second; the third is what some send for JSON.
            "application/json" | "application/x-www-form-urlencoded" | "text/plain" => {
                Ok(Self::Json)
            }
            "multipart/form-data" => Ok(Self::Form),
            "application/octet-stream" => Ok(Self::Photo),
            other if other.ends_with("+json") => Ok(Self::Json),
            other if other.starts_with("image/") => Ok(Self::Photo),
            _ => Err(Rejection::ContentType(value.chars().take(100).collect())),
        }
    }
}

fn wishes(Query(mut query): Query<HashMap<String, String>>) -> Result<Wishes, Rejection> {
    let on_error = query.get("on_error").map(|text| json::on_error("query", text));
    Ok(Wishes {
        model_name: query.remove("model_name"),
        pretrained: query.remove("pretrained"),
        on_error: on_error.transpose().map_err(Rejection::Validation)?,
    })
}

/// Photos of a request and what it says beside them.
struct Upload {
    photos: Vec<Photo>,
    wishes: Wishes,
}

/// Takes a body apart. Megabytes of text: not for the threads that answer.
fn take_apart(
    kind: Kind,
    headers: &HeaderMap,
    body: Bytes,
    limits: &Limits,
) -> Result<Upload, Rejection> {
    match kind {
        Kind::Json => {
            let upload = json::parse(&body, limits.images).map_err(Rejection::Validation)?;
            match upload.count {
                0 => Err(Rejection::NoImages),
                found if found > limits.images => {
                    Err(Rejection::TooManyImages { found, limit: limits.images })
                }
                _ => Ok(Upload { photos: upload.photos, wishes: upload.wishes }),
            }
        }
        Kind::Form => {
            let (photos, wishes) = multipart::read(headers, body, limits)?;
            Ok(Upload { photos, wishes })
        }
        Kind::Photo if body.is_empty() => Err(Rejection::NoImages),
        Kind::Photo => Ok(Upload { photos: vec![Photo::Bytes(body)], wishes: Wishes::default() }),
    }
}

/// The whole way of a request that embeds.
async fn answer(
    app: &App,
    kind: Kind,
    query: Wishes,
    request: Request,
) -> Result<Response, Rejection> {
    let start = Instant::now();
    let embedder = app.embedder()?;
    let limits = app.limits;
    let (head, body) = request.into_parts();
    let length = body::length(&body, limits.body_bytes)?;
    let mut visit = embedder.admission().enter(length).await.map_err(Rejection::Busy)?;

    let reading = Instant::now();
    let (body, memory) = body::read(body, limits.body_bytes, &mut visit).await?;
    metrics::stage(Stage::Read, reading.elapsed());

    let parsing = Instant::now();
    let taken_apart = embedder
        .aside(memory.clone(), move || take_apart(kind, &head.headers, body, &limits))
        .await;
    let upload = taken_apart.unwrap_or(Err(Rejection::Internal));
    metrics::stage(Stage::Parse, parsing.elapsed());
    let Upload { photos, wishes } = upload?;
    let wishes = wishes.or(query);
    check_model(&embedder, &wishes)?;
    let on_error = wishes.on_error.unwrap_or_default();

    let mut places = visit.admit(photos.len()).await.map_err(Rejection::Busy)?;
    let decoding = Instant::now();
    let decoded = embedder.preprocess(photos, memory, on_error == OnError::Fail).await;
    let decoded = decoded.map_err(Rejection::Busy)?;
    let decoding = decoding.elapsed();
    places.answered(decoded.iter().filter(|photo| photo.is_err()).count());
    let Sorted { pixels, failed, count } = sort(decoded, on_error)?;
    let embedded =
        embedder.embed(pixels, places, visit.left()).await.map_err(|error| match error {
            BatchError::Model => Rejection::Model,
            BatchError::Late => {
                Rejection::Busy(Refusal::Late { timeout: embedder.admission().timeout() })
            }
            BatchError::Stopped => Rejection::Stopping,
        })?;

    let times = Times {
        queue: visit.waited() + embedded.queued,
        decode: decoding,
        forward: embedded.computed,
        total: start,
    };
    Ok(write(&embedder, embedded, failed, count, on_error, times))
}

fn check_model(embedder: &Embedder, wishes: &Wishes) -> Result<(), Rejection> {
    let (model, pretrained) = (wishes.model_name.as_deref(), wishes.pretrained.as_deref());
    if embedder.is(model, pretrained) {
        return Ok(());
    }
    let named = [model, pretrained].into_iter().flatten().collect::<Vec<_>>().join(" / ");
    let asked = named.chars().take(200).collect();
    Err(Rejection::OtherModel { asked, served: Box::new(embedder.info()) })
}

/// The photos of a request, those that failed apart.
struct Sorted {
    pixels: Vec<Pixels>,
    failed: Vec<Failed>,
    count: usize,
}

fn sort(photos: Vec<Decoded>, on_error: OnError) -> Result<Sorted, Rejection> {
    let count = photos.len();
    let (mut pixels, mut failed) = (Vec::with_capacity(count), Vec::new());
    for (index, photo) in photos.into_iter().enumerate() {
        match photo {
            Ok(photo) => pixels.push(photo),
            Err(error) if on_error == OnError::Fail => {
                return Err(Rejection::Photo { index, error });
            }
            Err(error) => {
                failed.push(Failed { index, code: error.code(), detail: error.to_string() });
            }
        }
    }
    Ok(Sorted { pixels, failed, count })
}

/// What became of a request's time.
struct Times {
    queue: Duration,
    decode: Duration,
    forward: Duration,
    /// Since when.
    total: Instant,
}

impl Times {
    /// `Server-Timing` (W3C), in milliseconds: waiting for memory, places and the model; decoding;
    /// the model; all together.
    fn header(&self) -> Option<HeaderValue> {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let text = format!(
            "queue;dur={:.1}, decode;dur={:.1}, forward;dur={:.1}, total;dur={:.1}",
            milliseconds(self.queue),
            milliseconds(self.decode),
            milliseconds(self.forward),
            milliseconds(self.total.elapsed()),
        );
        HeaderValue::try_from(text).ok()
    }
}

/// Puts the answer together in the order of the request.
fn write(
    embedder: &Embedder,
    embedded: Embedded,
    failed: Vec<Failed>,
    count: usize,
    on_error: OnError,
    times: Times,
) -> Response {
    let writing = Instant::now();
    let mut embedded = embedded.embeddings.into_iter();
    let mut failures = failed.iter().map(|failed| failed.index).peekable();
    let embeddings = (0..count)
        .map(|index| match failures.next_if_eq(&index) {
            Some(_) => None,
            None => embedded.next(),
        })
        .collect();
    let errors = (on_error == OnError::Skip).then_some(failed);
    let answer = Embeddings { embeddings, model_info: embedder.info(), count, errors };
    let mut response = axum::Json(answer).into_response();
    response.headers_mut().extend(times.header().map(|times| (SERVER_TIMING, times)));
    metrics::stage(Stage::Write, writing.elapsed());
    response
}

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
