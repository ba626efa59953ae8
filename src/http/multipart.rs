//! The form of an embedding request: files in the repeated field `files`, and text beside them.

use axum::{
    body::Body,
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::HeaderMap,
};
use bytes::Bytes;
use futures_util::FutureExt;

use super::rejection::Rejection;
use crate::upload::{Limits, Photo, Wishes, json};

/// Longest text field that is read, in bytes; names of models and paths are far shorter.
const LONGEST_TEXT: usize = 4096;

/// The photos and wishes of a form whose whole text is `body`.
///
/// # Errors
/// A [`Rejection`] for a form that cannot be read, or that has no files or too many.
pub(super) fn read(
    headers: &HeaderMap,
    body: Bytes,
    limits: &Limits,
) -> Result<(Vec<Photo>, Wishes), Rejection> {
    let mut request = Request::new(Body::from(body));
    request.headers_mut().clone_from(headers);
    // It has been read within its limit.
    DefaultBodyLimit::disable().apply(&mut request);
    // All of it is there, so that nothing waits.
    from_request(request, limits).now_or_never().unwrap_or(Err(Rejection::Internal))
}

async fn from_request(
    request: Request,
    limits: &Limits,
) -> Result<(Vec<Photo>, Wishes), Rejection> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Rejection::Multipart(error.body_text()))?;
    let (mut photos, mut wishes) = (Vec::new(), Wishes::default());
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(|error| refusal(&error))? {
        match field.name() {
            Some("files") => {
                count += 1;
                if count <= limits.images {
                    let bytes = field.bytes().await.map_err(|error| refusal(&error))?;
                    photos.push(Photo::Bytes(bytes));
                }
            }
            Some(name @ ("model_name" | "pretrained" | "on_error")) => {
                let name = name.to_owned();
                let text = text(field, &name).await?;
                wish(&mut wishes, &name, text)?;
            }
            _ => {}
        }
    }
    if count > limits.images {
        return Err(Rejection::TooManyImages { found: count, limit: limits.images });
    }
    if photos.is_empty() { Err(Rejection::NoFiles) } else { Ok((photos, wishes)) }
}

/// The text of the field called `name`, read no further than it may be long.
async fn text(mut field: Field<'_>, name: &str) -> Result<String, Rejection> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| refusal(&error))? {
        if text.len() + chunk.len() > LONGEST_TEXT {
            let reason = format!("the field {name} has more than {LONGEST_TEXT} bytes of text");
            return Err(Rejection::Multipart(reason));
        }
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn wish(wishes: &mut Wishes, name: &str, text: String) -> Result<(), Rejection> {
    match name {
        "model_name" => wishes.model_name = Some(text),
        "pretrained" => wishes.pretrained = Some(text),
        _ => {
            let on_error = json::on_error("body", &text);
            wishes.on_error = Some(on_error.map_err(Rejection::Validation)?);
        }
    }
    Ok(())
}

fn refusal(error: &MultipartError) -> Rejection {
    Rejection::Multipart(error.body_text())
}
