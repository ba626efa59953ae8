//! The embeddings protocol of Hugging Face's Text Embeddings Inference (TEI): `inputs`, texts or
//! photos as `data:image/...` URIs, on `/embed`, which is ours where the body has `images`, and on `/`,
//! where clients of an endpoint send it.

pub(super) mod error;
pub(super) mod info;
pub(super) mod schema;

use std::sync::{Arc, OnceLock};

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use schema::{TeiRequest, TeiResponses};
use serde::Deserialize;

use super::{
    App,
    dimensions::Dimensions,
    embed,
    input::{self, Modality},
    passage::{self, Asked, Overlong, Passed},
    rejection::Rejection,
    reply::{self, Format},
    shape::reshape,
    text::check_count,
};
use crate::{
    embedder::Length,
    metrics::{self, Stage},
    upload::{
        Limits, Wishes,
        json::{self, Either, FieldError},
        texts::{Text, Texts},
    },
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    inputs: Option<Texts<'a>>,
    normalize: Option<bool>,
    truncate: Option<bool>,
    #[serde(borrow)]
    truncation_direction: Option<Text<'a>>,
    #[serde(borrow)]
    prompt_name: Option<Text<'a>>,
    dimensions: Option<u64>,
}

/// What the answer should be like.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    dimensions: Dimensions,
    length: Length,
}

/// Embed texts and photos (TEI), as /embed does with `inputs`
#[utoipa::path(
    post,
    path = "/",
    tag = "tei",
    request_body(content = TeiRequest, content_type = "application/json"),
    responses(TeiResponses),
)]
pub(super) async fn root(State(app): State<Arc<App>>, request: Request) -> Response {
    let tried = async {
        let all = app.embedder()?.architecture().embed_dim;
        let passed =
            passage::pass(&app, request, move |_, body, limits| take_apart(&body, limits, all));
        let passed = passed.await?;
        let wanted = passed.context;
        Ok(write(passed, wanted))
    };
    tried.await.unwrap_or_else(|rejection: Rejection| told(rejection))
}

/// The JSON of `/embed`: TEI's where it has `inputs`, else ours, whose query said `query`.
pub(super) async fn either(
    app: &App,
    query: Wishes,
    request: Request,
) -> Result<Response, Rejection> {
    let all = app.embedder()?.architecture().embed_dim;
    let format = Format::wanted(request.headers());
    let is_tei = Arc::new(OnceLock::new());
    let found = Arc::clone(&is_tei);
    let passed = passage::pass(app, request, move |_, body, limits| {
        match json::parse_either(&body, limits.images).map_err(Rejection::Validation)? {
            Either::Ours(upload) => {
                embed::asked(upload, query, limits).map(|asked| asked.map(|()| None))
            }
            Either::Inputs => {
                found.get_or_init(|| ());
                take_apart(&body, limits, all).map(|asked| asked.map(Some))
            }
        }
    });
    match passed.await {
        Ok(passed) => Ok(match passed.context {
            Some(wanted) => write(passed, wanted),
            None => reply::write(passed, format),
        }),
        Err(rejection) if is_tei.get().is_some() => Ok(told(rejection)),
        Err(rejection) => Err(rejection),
    }
}

/// A rejection in TEI's shape.
fn told(rejection: Rejection) -> Response {
    reshape(rejection.into_response(), error::write)
}

fn take_apart(body: &Bytes, limits: &Limits, all: usize) -> Result<Asked<Wanted>, Rejection> {
    let fields: Body<'_> = json::read(body).map_err(Rejection::Validation)?;
    let missing = || Rejection::Validation(vec![FieldError::missing(INPUTS)]);
    let texts = fields.inputs.ok_or_else(missing)?;
    check_count(texts.count, limits)?;
    if fields.prompt_name.is_some() {
        let msg = "Input should be null: CLIP has no prompts, and the text is embedded as it is";
        return Err(invalid("prompt_name", msg));
    }
    let overlong = overlong(fields.truncate, fields.truncation_direction)?;
    let length = if fields.normalize.unwrap_or(true) { Length::Unit } else { Length::Raw };
    let wanted = Wanted { dimensions: Dimensions::of(fields.dimensions, all)?, length };
    let inputs = texts.texts.into_iter();
    let inputs = inputs.map(|text| input::input(text, Modality::Detect, (INPUTS, body)));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    Ok(Asked { overlong, length, ..Asked::plain(inputs, wanted) })
}

const INPUTS: &str = "inputs";

fn overlong(truncate: Option<bool>, direction: Option<Text<'_>>) -> Result<Overlong, Rejection> {
    let direction = direction.map(|text| text.0.to_ascii_lowercase());
    match (truncate.unwrap_or(false), direction.as_deref()) {
        (false, None | Some("left" | "right")) => Ok(Overlong::Refuse),
        (true, None | Some("right")) => Ok(Overlong::Cut),
        _ => {
            let msg = "Input should be 'Right': the beginning of a text is never cut";
            Err(invalid("truncation_direction", msg))
        }
    }
}

fn invalid(field: &'static str, msg: &str) -> Rejection {
    Rejection::Validation(vec![FieldError::value(field, msg)])
}

fn write<C>(passed: Passed<C>, wanted: Wanted) -> Response {
    let writing = std::time::Instant::now();
    let times = passed.times;
    let (embeddings, _) = passed.embeddings();
    let cut = |embedding| wanted.dimensions.cut(embedding, wanted.length);
    let lists: Vec<_> = embeddings.into_iter().map(cut).collect();
    let mut response = Json(lists).into_response();
    times.tell(&mut response);
    metrics::stage(Stage::Write, writing.elapsed());
    response
}
