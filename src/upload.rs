//! What a client sent, before anything is decoded: the photos, texts and tensors of one request as they
//! came, and what it asked for beside them.

pub mod base64;
pub mod json;
pub mod pairs;
pub mod texts;
pub mod vectors;

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
    /// Where the file is, which is still to be fetched.
    Url(String),
    /// Why the file was not fetched.
    Missing(Missing),
}

/// Why a photo that was to be fetched is not here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Missing {
    /// A stable label for clients and metrics.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

/// What is said of a URL where none is fetched.
pub const URLS_ARE_OFF: &str = "this service fetches no photos by their URLs (--url-hosts is empty): \
                                send the photo itself";

/// Why a photo has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBytes {
    /// The text is no base64.
    #[error(transparent)]
    Base64(#[from] Base64Error),
    /// It was not fetched.
    #[error(transparent)]
    Missing(#[from] Missing),
}

impl Photo {
    /// The bytes of the file.
    ///
    /// # Errors
    /// [`NoBytes`], when the text is no base64 or the file has not been fetched.
    pub fn bytes(self) -> Result<Bytes, NoBytes> {
        match self {
            Self::Base64(text) => Ok(base64::decode(&text).map(Bytes::from)?),
            Self::Bytes(bytes) => Ok(bytes),
            Self::Url(_) => {
                Err(Missing { code: "url_disabled", detail: URLS_ARE_OFF.to_owned() }.into())
            }
            Self::Missing(missing) => Err(missing.into()),
        }
    }
}

/// One thing to embed, as it came.
#[derive(Clone, Debug)]
pub enum Input {
    /// A photo.
    Photo(Photo),
    /// A text.
    Text(String),
    /// The square of a photo that the client made.
    Tensor(Tensor),
}

impl From<Photo> for Input {
    fn from(photo: Photo) -> Self {
        Self::Photo(photo)
    }
}

/// `[3, size, size]` numbers in f32, little-endian, from 0 to 1 as red, green and blue.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// The numbers, row-major.
    pub numbers: Bytes,
    /// Whether the model's mean is subtracted and its deviation divided by; else the tower gets the
    /// numbers as they are.
    pub normalize: bool,
}

/// What becomes of a request of which one photo fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum OnError {
    /// The request fails, as in the original service.
    #[default]
    Fail,
    /// The photo's place is `null`, and a list says why.
    Skip,
}

impl TryFrom<String> for OnError {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse().map_err(|()| "Input should be 'fail' or 'skip'")
    }
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
