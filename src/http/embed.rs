//! The routes that embed: read, decode side by side, one batch to the model, answer in order.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Json,
    extract::{Query, Request, State},
    http::{HeaderMap, header},
};

use super::{
    App, body, multipart,
    rejection::Rejection,
    schema::{EmbedForm, EmbedQuery, EmbedRequest, EmbedResponses, Embeddings, Failed},
};
use crate::{
    embedder::{Embedder, PhotoError},
    preprocess::Pixels,
    upload::{OnError, Photo, Wishes, json},
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
) -> Result<Json<Embeddings>, Rejection> {
    let wishes = wishes(query)?;
    from_json(&app, wishes, request).await
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
) -> Result<Json<Embeddings>, Rejection> {
    let wishes = wishes(query)?;
    from_form(&app, wishes, request).await
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
        (Vec<u8> = "image/*"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses(EmbedResponses),
)]
pub(super) async fn embed(
    State(app): State<Arc<App>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Result<Json<Embeddings>, Rejection> {
    let wishes = wishes(query)?;
    match Kind::of(request.headers())? {
        Kind::Json => from_json(&app, wishes, request).await,
        Kind::Form => from_form(&app, wishes, request).await,
        Kind::Photo => from_photo(&app, wishes, request).await,
    }
}

/// What a body is, by its content type.
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

async fn from_json(
    app: &App,
    query: Wishes,
    request: Request,
) -> Result<Json<Embeddings>, Rejection> {
    let embedder = app.embedder()?;
    let body = body::read(request.into_body(), app.limits.body_bytes).await?;
    let most = app.limits.images;
    // Megabytes of text and then of pixels: not on the threads that answer.
    let work = {
        let embedder = Arc::clone(&embedder);
        move |abandoned: &AtomicBool| {
            let upload = json::parse(&body, most).map_err(Rejection::Validation)?;
            let wishes = upload.wishes.or(query);
            check_model(&embedder, &wishes)?;
            match upload.count {
                0 => Err(Rejection::NoImages),
                found if found > most => Err(Rejection::TooManyImages { found, limit: most }),
                _ => Ok((wishes.on_error, embedder.preprocess(&upload.photos, abandoned))),
            }
        }
    };
    let (on_error, photos) = blocking(work).await?;
    finish(&embedder, on_error, photos).await
}

async fn from_form(
    app: &App,
    query: Wishes,
    request: Request,
) -> Result<Json<Embeddings>, Rejection> {
    let embedder = app.embedder()?;
    let (photos, wishes) = multipart::read(request, &app.limits).await?;
    from_photos(embedder, wishes.or(query), photos).await
}

async fn from_photo(
    app: &App,
    query: Wishes,
    request: Request,
) -> Result<Json<Embeddings>, Rejection> {
    let embedder = app.embedder()?;
    let body = body::read(request.into_body(), app.limits.body_bytes).await?;
    if body.is_empty() {
        return Err(Rejection::NoImages);
    }
    from_photos(embedder, query, vec![Photo::Bytes(body)]).await
}

async fn from_photos(
    embedder: Arc<Embedder>,
    wishes: Wishes,
    photos: Vec<Photo<'static>>,
) -> Result<Json<Embeddings>, Rejection> {
    check_model(&embedder, &wishes)?;
    let work = {
        let embedder = Arc::clone(&embedder);
        move |abandoned: &AtomicBool| Ok(embedder.preprocess(&photos, abandoned))
    };
    let photos = blocking(work).await?;
    finish(&embedder, wishes.on_error, photos).await
}

/// Runs `work` where waiting harms nobody, and tells it when the client has gone.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> Result<T, Rejection> + Send + 'static,
) -> Result<T, Rejection> {
    /// Dropped with the request, whether it was answered or left.
    struct Request(Arc<AtomicBool>);
    impl Drop for Request {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let request = Request(Arc::default());
    let abandoned = Arc::clone(&request.0);
    tokio::task::spawn_blocking(move || work(&abandoned)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "the work on a request failed");
        Err(Rejection::Internal)
    })
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

/// Embeds the photos that were decoded and puts the answer together.
async fn finish(
    embedder: &Embedder,
    on_error: Option<OnError>,
    photos: Vec<Result<Pixels, PhotoError>>,
) -> Result<Json<Embeddings>, Rejection> {
    let on_error = on_error.unwrap_or_default();
    let (mut pixels, mut failed) = (Vec::with_capacity(photos.len()), Vec::new());
    let count = photos.len();
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
    let mut embedded = embedder.embed(pixels).await.map_err(Rejection::Batch)?.into_iter();
    let mut failures = failed.iter().map(|failed| failed.index).peekable();
    let embeddings = (0..count)
        .map(|index| match failures.next_if_eq(&index) {
            Some(_) => None,
            None => embedded.next(),
        })
        .collect();
    let errors = (on_error == OnError::Skip).then_some(failed);
    Ok(Json(Embeddings { embeddings, model_info: embedder.info(), count, errors }))
}
