//! `/embed/text`: texts into the space of the photos.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use serde::Deserialize;

use super::{
    App,
    passage::{self, Asked},
    rejection::Rejection,
    reply::{self, Format},
    schema::{EmbedResponses, EmbedTextRequest},
};
use crate::upload::{
    Input, Limits, Wishes, json,
    texts::{Text, Texts},
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    texts: Texts<'a>,
    model_name: Option<String>,
    pretrained: Option<String>,
}

/// Embed texts, in the same space as photos
///
/// Each is cut after 77 tokens, as in open_clip.
#[utoipa::path(
    post,
    path = "/embed/text",
    tag = "embeddings",
    request_body(content = EmbedTextRequest, content_type = "application/json"),
    responses(EmbedResponses),
)]
pub(super) async fn embed_text(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Response, Rejection> {
    let format = Format::wanted(request.headers());
    let passed = passage::pass(&app, request, |_, body, limits| take_apart(&body, limits)).await?;
    Ok(reply::write(passed, format))
}

fn take_apart(body: &Bytes, limits: &Limits) -> Result<Asked<()>, Rejection> {
    let Body { texts, model_name, pretrained } = json::read(body).map_err(Rejection::Validation)?;
    check_count(texts.count, limits)?;
    let wishes = Wishes { model_name, pretrained, on_error: None };
    Ok(Asked { wishes, ..Asked::plain(inputs(texts.texts), ()) })
}

/// Texts as inputs.
pub(super) fn inputs<'a>(texts: impl IntoIterator<Item = Text<'a>>) -> Vec<Input> {
    texts.into_iter().map(|text| Input::Text(text.0.into_owned())).collect()
}

/// Refuses none and too many.
pub(super) fn check_count(found: usize, limits: &Limits) -> Result<(), Rejection> {
    match found {
        0 => Err(Rejection::NoInputs),
        _ if found > limits.images => Err(Rejection::TooManyInputs { found, limit: limits.images }),
        _ => Ok(()),
    }
}
