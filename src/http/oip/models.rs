//! The models that the protocol knows: the towers that are served, under the names and with the tensors
//! that clients of Triton have of them, whichever architecture runs.

use super::error::OipError;
use crate::{
    embedder::Length,
    metrics::{TRITON_MODELS, TRITON_VERSION},
    model::architecture::Architecture,
};

/// Name of every model's output.
pub(in crate::http) const OUTPUT: &str = "embedding";

/// Elements of a request that every client may count on, as the original's models stated it.
pub(super) const MAX_BATCH_SIZE: usize = 32;

/// What a model's input holds for each embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Takes {
    /// `[3, size, size]` numbers; with `normalize` from 0 to 1, else as the tower reads them.
    Pixels { normalize: bool },
    /// The file of a photo.
    Files,
    /// A text in UTF-8.
    Texts,
}

/// One model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) struct Served {
    pub name: &'static str,
    pub takes: Takes,
    /// Its place among the models, also in the statistics.
    pub slot: usize,
}

/// In the order of [`TRITON_MODELS`].
pub(in crate::http) static MODELS: [Served; TRITON_MODELS.len()] = {
    let raw = Takes::Pixels { normalize: false };
    let takes = [raw, raw, Takes::Pixels { normalize: true }, Takes::Files, Takes::Texts];
    let mut models = [Served { name: "", takes: raw, slot: 0 }; TRITON_MODELS.len()];
    let mut slot = 0;
    while slot < models.len() {
        models[slot] = Served { name: TRITON_MODELS[slot], takes: takes[slot], slot };
        slot += 1;
    }
    models
};

/// The model of this name; no version means the only one.
///
/// # Errors
/// [`OipError::UnknownModel`] and [`OipError::UnknownVersion`].
pub(in crate::http) fn find(name: &str, version: &str) -> Result<&'static Served, OipError> {
    let unknown = || OipError::UnknownModel { name: OipError::cut(name) };
    let model = MODELS.iter().find(|model| model.name == name).ok_or_else(unknown)?;
    if version.is_empty() || version == TRITON_VERSION {
        return Ok(model);
    }
    Err(OipError::UnknownVersion { model: model.name, version: OipError::cut(version) })
}

impl Served {
    /// Name of its input.
    pub fn input(&self) -> &'static str {
        match self.takes {
            Takes::Pixels { .. } | Takes::Files => "image",
            Takes::Texts => "text",
        }
    }

    /// Type of its input's elements.
    pub fn datatype(&self) -> &'static str {
        match self.takes {
            Takes::Pixels { .. } => "FP32",
            Takes::Files | Takes::Texts => "BYTES",
        }
    }

    /// How long its embeddings are.
    pub fn length(&self) -> Length {
        match self.takes {
            Takes::Pixels { normalize: false } => Length::Raw,
            _ => Length::Unit,
        }
    }

    /// Shape of its input without the batch.
    pub fn dims(&self, architecture: &Architecture) -> Vec<i64> {
        match self.takes {
            Takes::Pixels { .. } => {
                // At most MAX_DIMENSION.
                let size = architecture.vision.image_size as i64;
                vec![3, size, size]
            }
            Takes::Files | Takes::Texts => vec![1],
        }
    }
}
