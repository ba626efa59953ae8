//! The form of an embedding request: files in the repeated field `files`, and text beside them.

use axum::{
    extract::{FromRequest, Multipart, Request, multipart::MultipartError},
    http::StatusCode,
};

use super::rejection::Rejection;
use crate::{
    http::body,
    upload::{
        Limits, OnError, Photo, Wishes,
        json::{FieldError, ON_ERROR_EXPECTED},
    },
};

/// Longest text field that is read, in bytes; names of models and paths are far shorter.
const LONGEST_TEXT: usize = 4096;

/// The photos and wishes of a form.
///
/// # Errors
/// A [`Rejection`] for a form that cannot be read, that has no files or too many, or is too large.
pub(super) async fn read(
    request: Request,
    limits: &Limits,
) -> Result<(Vec<Photo<'static>>, Wishes), Rejection> {
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body::bounded(body, limits.body_bytes)?);
    let broken = |error: MultipartError| refusal(&error, limits);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Rejection::Multipart(error.body_text()))?;
    let (mut photos, mut wishes) = (Vec::new(), Wishes::default());
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("files") => {
                count += 1;
                let bytes = field.bytes().await.map_err(broken)?;
                if count <= limits.images {
                    photos.push(Photo::Bytes(bytes));
                }
            }
            Some(name @ ("model_name" | "pretrained" | "on_error")) => {
                let name = name.to_owned();
                let text = field.text().await.map_err(broken)?;
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

fn wish(wishes: &mut Wishes, name: &str, text: String) -> Result<(), Rejection> {
    if text.len() > LONGEST_TEXT {
        let reason = format!("the field {name} has {} bytes of text", text.len());
        return Err(Rejection::Multipart(reason));
    }
    match name {
        "model_name" => wishes.model_name = Some(text),
        "pretrained" => wishes.pretrained = Some(text),
        _ => wishes.on_error = Some(on_error("body", &text)?),
    }
    Ok(())
}

/// What `text` in the field `on_error` of the body or the query says.
///
/// # Errors
/// [`Rejection::Validation`] when it is neither `fail` nor `skip`.
pub(super) fn on_error(part: &'static str, text: &str) -> Result<OnError, Rejection> {
    text.parse().map_err(|()| {
        Rejection::Validation(vec![FieldError::choice(part, "on_error", text, ON_ERROR_EXPECTED)])
    })
}

fn refusal(error: &MultipartError, limits: &Limits) -> Rejection {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Rejection::BodyTooLarge { found: None, limit: limits.body_bytes }
        }
        _ => Rejection::Multipart(error.body_text()),
    }
}
