//! What `/similarity` and `/duplicates` have in common: photos or vectors that are compared with one
//! another.

use axum::http::HeaderMap;
use bytes::Bytes;
use serde::Deserialize;

use super::{passage::Asked, rejection::Rejection};
use crate::{
    duplicates::Vectors,
    model::Embedding,
    upload::{
        Input, Limits, OnError, Wishes, json,
        texts::Texts,
        vectors::{GivenVectors, MOST},
    },
};

/// Fields of both routes.
#[derive(Deserialize)]
pub(super) struct Compared<'a> {
    #[serde(borrow)]
    images: Option<Texts<'a>>,
    vectors: Option<GivenVectors>,
    on_error: Option<OnError>,
    model_name: Option<String>,
    pretrained: Option<String>,
}

/// What a request brought.
pub(super) enum Brought {
    /// Photos, which are to be embedded.
    Photos(Vec<Input>),
    /// Vectors, which can be compared.
    Vectors(Vectors),
}

impl Compared<'_> {
    /// Takes the fields apart, of the body `whole`.
    pub fn take_apart(
        self,
        whole: &Bytes,
        limits: &Limits,
    ) -> Result<(Brought, Wishes), Rejection> {
        let Self { images, vectors, on_error, model_name, pretrained } = self;
        let wishes = Wishes { model_name, pretrained, on_error };
        match (images, vectors) {
            (Some(images), None) => match images.count {
                0 => Err(Rejection::NoImages),
                found if found > limits.images => {
                    Err(Rejection::TooManyImages { found, limit: limits.images })
                }
                _ => {
                    let photos = images.texts.into_iter().map(|image| image.into_photo(whole));
                    Ok((Brought::Photos(photos.map(Input::Photo).collect()), wishes))
                }
            },
            (None, Some(GivenVectors(Some(vectors)))) => Ok((Brought::Vectors(vectors), wishes)),
            (None, Some(GivenVectors(None))) => Err(invalid("vectors", "is empty")),
            (Some(_), Some(_)) => Err(invalid("vectors", "stands beside images: send one of them")),
            (None, None) => Err(invalid("images", "Field required, or vectors")),
        }
    }
}

/// A field that cannot be used.
pub(super) fn invalid(field: &'static str, msg: &str) -> Rejection {
    Rejection::Validation(vec![json::FieldError::value(field, msg)])
}

/// A request for photos, about whom more is to be known.
pub(super) fn asked<C>(photos: Vec<Input>, wishes: Wishes, context: C) -> Asked<C> {
    Asked { wishes, facts: true, ..Asked::plain(photos, context) }
}

/// Embeddings as vectors to compare.
pub(super) fn vectors(embeddings: &[Embedding], dim: usize) -> Result<Vectors, Rejection> {
    let mut vectors = Vectors::new(dim);
    for embedding in embeddings {
        // What leaves the model has a length and finite numbers.
        vectors.push(embedding).map_err(|_| Rejection::Internal)?;
    }
    Ok(vectors)
}

/// Whether a body is a form with photos.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(axum::http::header::CONTENT_TYPE);
    value.and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
    })
}

/// Most cosines of one answer: those of 512 vectors, each with each.
pub(super) const MOST_COSINES: usize = 1 << 18;

const _: () = assert!(MOST >= 512, "a matrix is smaller than a set for duplicates");
