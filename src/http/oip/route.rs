//! The model that a path names.

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use serde::Deserialize;

use super::{
    error::OipError,
    models::{self, Served},
};
use crate::http::rejection::Rejection;

/// The model of `/v2/models/{model}` and `/v2/models/{model}/versions/{version}`.
pub(super) struct Named(pub &'static Served);

#[derive(Deserialize)]
struct Names {
    model: String,
    version: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        // A name that is no UTF-8 names nothing that there is.
        let names = Path::<Names>::from_request_parts(parts, state).await;
        let Path(Names { model, version }) =
            names.map_err(|_| OipError::UnknownModel { name: "\u{fffd}".into() })?;
        Ok(Self(models::find(&model, version.as_deref().unwrap_or_default())?))
    }
}
