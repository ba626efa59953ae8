//! The original's routes that embed photos, and `/embed`, which takes them however they come.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, Request, State},
    http::{HeaderMap, header},
    response::Response,
};
use bytes::Bytes;

use super::{
    App, multipart,
    passage::{self, Asked},
    rejection::Rejection,
    reply::{self, Format},
    schema::{EmbedForm, EmbedQuery, EmbedRequest, EmbedResponses, PhotoFile},
    tei::{
        self,
        schema::{EitherResponses, EmbedJson},
    },
};
use crate::upload::{
    Input, Limits, Photo, Wishes,
    json::{self, JsonUpload},
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
/// JSON as `/embed/base64` takes it, or as TEI does, with `inputs` for `images`; a form as `/embed/batch` takes it, or one photo as the body,
/// with an image's content type or `application/octet-stream`.
#[utoipa::path(
    post,
    path = "/embed",
    tag = "embeddings",
    params(EmbedQuery),
    request_body(content(
        (EmbedJson = "application/json"),
        (EmbedForm = "multipart/form-data"),
        (PhotoFile = "image/*"),
        (PhotoFile = "application/octet-stream"),
    )),
    responses(EitherResponses),
)]
pub(super) async fn embed(
    State(app): State<Arc<App>>,
    query: Query<HashMap<String, String>>,
    request: Request,
) -> Result<Response, Rejection> {
    let wishes = wishes(query)?;
    match Kind::of(request.headers())? {
        Kind::Json => tei::either(&app, wishes, request).await,
        kind => answer(&app, kind, wishes, request).await,
    }
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

/// What the query of a route that embeds says.
pub(super) fn wishes(
    Query(mut query): Query<HashMap<String, String>>,
) -> Result<Wishes, Rejection> {
    let on_error = query.get("on_error").map(|text| json::on_error("query", text));
    Ok(Wishes {
        model_name: query.remove("model_name"),
        pretrained: query.remove("pretrained"),
        on_error: on_error.transpose().map_err(Rejection::Validation)?,
    })
}

/// Takes a body apart.
fn take_apart(
    kind: Kind,
    query: Wishes,
    headers: &HeaderMap,
    body: Bytes,
    limits: &Limits,
) -> Result<Asked<()>, Rejection> {
    let (photos, wishes) = match kind {
        Kind::Json => {
            let upload = json::parse(&body, limits.images).map_err(Rejection::Validation)?;
            return asked(upload, query, limits);
        }
        Kind::Form => multipart::read(headers, body, limits)?,
        Kind::Photo if body.is_empty() => return Err(Rejection::NoImages),
        Kind::Photo => (vec![Photo::Bytes(body)], Wishes::default()),
    };
    Ok(photos_with(photos, wishes.or(query)))
}

/// What JSON of ours asks for, whose query said `query`.
pub(super) fn asked(
    upload: JsonUpload,
    query: Wishes,
    limits: &Limits,
) -> Result<Asked<()>, Rejection> {
    match upload.count {
        0 => Err(Rejection::NoImages),
        found if found > limits.images => {
            Err(Rejection::TooManyImages { found, limit: limits.images })
        }
        _ => Ok(photos_with(upload.photos, upload.wishes.or(query))),
    }
}

fn photos_with(photos: Vec<Photo>, wishes: Wishes) -> Asked<()> {
    let inputs = photos.into_iter().map(Input::from).collect();
    Asked { wishes, ..Asked::plain(inputs, ()) }
}

async fn answer(
    app: &App,
    kind: Kind,
    query: Wishes,
    request: Request,
) -> Result<Response, Rejection> {
    let format = Format::wanted(request.headers());
    let passed = passage::pass(app, request, move |headers, body, limits| {
        take_apart(kind, query, headers, body, limits)
    });
    Ok(reply::write(passed.await?, format))
}
