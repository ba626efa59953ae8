//! What a client sent, before any photo is decoded: the photos of one request as they came, and
//! what it asked for beside them.

pub mod base64;
pub mod json;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use self::base64::Base64Error;

/// One photo as it came.
#[derive(Clone, Debug)]
pub enum Photo {
    /// Base64 text or a `data:` URI, a part of the request's body where it has no escapes.
    Base64(Bytes),
    /// The file itself.
    Bytes(Bytes),
}

impl Photo {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`Base64Error`] when the text is no base64.
    pub fn bytes(self) -> Result<Bytes, Base64Error> {
        match self {
            Self::Base64(text) => base64::decode(&text).map(Bytes::from),
            Self::Bytes(bytes) => Ok(bytes),
        }
    }
}

/// What becomes of a request of which one photo fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The request fails, as in the original service.
    #[default]
    Fail,
    /// The photo's place is `null`, and a list says why.
    Skip,
}

impl std::str::FromStr for OnError {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "fail" => Ok(Self::Fail),
            "skip" => Ok(Self::Skip),
            _ => Err(()),
        }
    }
}

/// What a request says beside its photos.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Model that it names; it must be the one that is served.
    pub model_name: Option<String>,
    /// Weights that it names, likewise.
    pub pretrained: Option<String>,
    /// What becomes of it when one photo fails, if it says so.
    pub on_error: Option<OnError>,
}

impl Wishes {
    /// These, or where they are silent `others`.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            model_name: self.model_name.or(others.model_name),
            pretrained: self.pretrained.or(others.pretrained),
            on_error: self.on_error.or(others.on_error),
        }
    }
}

/// What one request may bring.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body, in bytes (`--max-body-bytes`).
    pub body_bytes: usize,
    /// Most photos (`--max-images`).
    pub images: usize,
}
