//! What has to be known of a CLIP model before its weights are read: the shape of the towers,
//! their activation, and how pixels are prepared for it.
//!
//! An [`Architecture`] comes from a file of `models/`, from a repository's `open_clip_config.json`
//! or from a Hugging Face `config.json`. Whichever it was, it has been checked: the tower that
//! serves can run it, and its dimensions fit together.

mod activation;
mod fields;
mod hugging_face;
mod open_clip;

use serde::Deserialize;
use thiserror::Error;

pub use activation::{Activation, UnknownActivation};
pub(in crate::model) use open_clip::{heads, mlp_width};

/// The largest size, width or count that a config may state: far above any published CLIP, and
/// small enough that products of two fit in 64 bits.
pub const MAX_DIMENSION: usize = 65_536;

/// A CLIP model without its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The name shown to people, such as `ViT-B-32`.
    pub name: String,
    /// Numbers in an embedding.
    pub embed_dim: usize,
    /// The shape of the vision tower.
    pub vision: VisionConfig,
    /// The shape of the text tower; none where it is of a kind that is not served.
    pub text: Option<TextConfig>,
    /// The activation that this architecture states. A checkpoint may have been trained with the
    /// other one: see [`crate::model::registry::ServedModel::activation`].
    pub activation: Activation,
    /// How an image becomes the tower's input.
    pub preprocess: PreprocessConfig,
}

/// The shape of a vision transformer with a class token, `ln_pre`, pre-norm blocks and `ln_post`.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionConfig {
    /// Height and width of the input, in pixels; a multiple of `patch_size`.
    pub image_size: usize,
    /// Height and width of a patch, in pixels.
    pub patch_size: usize,
    /// Channels of the residual stream; a multiple of `heads`.
    pub width: usize,
    /// Residual blocks.
    pub layers: usize,
    /// Attention heads in a block.
    pub heads: usize,
    /// Channels inside a block's MLP.
    pub mlp_width: usize,
    /// What the layer norms add to the variance.
    pub layer_norm_eps: f64,
}

/// The shape of a causal transformer with learnt positions, pre-norm blocks and `ln_final`, whose
/// token with the highest number, the end of the text, is projected.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    /// Most tokens of a text, its start and its end included.
    pub context_length: usize,
    /// Tokens of the vocabulary; the last two are the start and the end of a text.
    pub vocab_size: usize,
    /// Channels of the residual stream; a multiple of `heads`.
    pub width: usize,
    /// Attention heads in a block.
    pub heads: usize,
    /// Residual blocks.
    pub layers: usize,
    /// Channels inside a block's MLP.
    pub mlp_width: usize,
    /// What the layer norms add to the variance.
    pub layer_norm_eps: f64,
}

/// How an RGB image becomes the tower's input: resize, centre crop to
/// [`VisionConfig::image_size`], divide by 255, subtract `mean`, divide by `std`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreprocessConfig {
    /// Mean of R, G and B, on the scale 0 to 1.
    pub mean: [f32; 3],
    /// Standard deviation of R, G and B, on the scale 0 to 1; above zero.
    pub std: [f32; 3],
    /// The filter of the resize.
    pub interpolation: Interpolation,
    /// Which side the resize brings to the image size.
    pub resize_mode: ResizeMode,
}

/// The filter of a resize.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Pillow's antialiased bicubic, a = -0.5.
    Bicubic,
}

/// Which side a resize brings to the image size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeMode {
    /// The shorter side; what the longer one has too much is cropped.
    Shortest,
}

/// Why a config cannot be served. Fields are named by their path in the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArchitectureError {
    /// The text is not JSON, or no object.
    #[error("not a JSON object: {reason}")]
    Syntax {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// A field without a default is absent.
    #[error("`{field}` is missing: {expected}")]
    Missing {
        /// The absent field.
        field: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The config is sound, but asks for what the tower cannot do.
    #[error("`{field}` is {value}, which cannot be served; supported: {supported}")]
    Unsupported {
        /// The field that asks for it.
        field: String,
        /// Its value, as JSON.
        value: String,
        /// The values that can be served.
        supported: &'static str,
    },
    /// The config contradicts itself or holds a value of a wrong type.
    #[error("`{field}` is {value}; it must be {expected}")]
    Invalid {
        /// The field at fault.
        field: String,
        /// Its value, as JSON.
        value: String,
        /// What would be right.
        expected: String,
    },
}

impl ArchitectureError {
    /// A stable label for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "config_syntax",
            Self::Missing { .. } => "config_missing_field",
            Self::Unsupported { .. } => "config_unsupported",
            Self::Invalid { .. } => "config_invalid",
        }
    }
}

impl Architecture {
    /// Reads an `open_clip_config.json`, as found in hub repositories and saved by open_clip, with
    /// the defaults of open_clip's `CLIPVisionCfg` and `PreprocessCfg`.
    ///
    /// # Errors
    /// [`ArchitectureError`] for text that is no such config, and for a tower or a preprocessing
    /// that cannot be served (timm and ResNet towers, attentional pooling, `squash`, ...).
    pub fn from_open_clip_config(name: &str, json: &str) -> Result<Self, ArchitectureError> {
        open_clip::read(name, json)
    }

    /// Reads a Hugging Face `config.json` of model type `clip` or `clip_vision_model`, with the
    /// defaults of transformers' `CLIPVisionConfig`. The file says nothing of preprocessing:
    /// it is [`PreprocessConfig::CLIP`].
    ///
    /// # Errors
    /// [`ArchitectureError`] for text that is no such config, and for another type of model.
    pub fn from_hf_config(name: &str, json: &str) -> Result<Self, ArchitectureError> {
        hugging_face::read(name, json)
    }

    /// Checks that the dimensions fit together.
    ///
    /// # Errors
    /// [`ArchitectureError::Invalid`], naming the first field that does not fit.
    pub fn validate(&self) -> Result<(), ArchitectureError> {
        dimension("embed_dim", self.embed_dim)?;
        self.vision.validate()?;
        self.text.as_ref().map_or(Ok(()), TextConfig::validate)?;
        self.preprocess.validate()
    }
}

impl VisionConfig {
    /// What the tower reads of an image: a class token, and one token for each patch.
    pub fn tokens(&self) -> usize {
        1 + (self.image_size / self.patch_size).pow(2)
    }

    fn validate(&self) -> Result<(), ArchitectureError> {
        dimension("image_size", self.image_size)?;
        dimension("patch_size", self.patch_size)?;
        dimension("width", self.width)?;
        dimension("layers", self.layers)?;
        dimension("heads", self.heads)?;
        dimension("mlp_width", self.mlp_width)?;
        multiple("image_size", self.image_size, "patch_size", self.patch_size)?;
        multiple("width", self.width, "heads", self.heads)?;
        let eps = self.layer_norm_eps;
        require(eps.is_finite() && eps > 0.0, "layer_norm_eps", eps, "a number above zero")
    }
}

impl TextConfig {
    fn validate(&self) -> Result<(), ArchitectureError> {
        dimension("text.context_length", self.context_length)?;
        dimension("text.vocab_size", self.vocab_size)?;
        dimension("text.width", self.width)?;
        dimension("text.heads", self.heads)?;
        dimension("text.layers", self.layers)?;
        dimension("text.mlp_width", self.mlp_width)?;
        multiple("text.width", self.width, "text.heads", self.heads)?;
        let eps = self.layer_norm_eps;
        require(eps.is_finite() && eps > 0.0, "text.layer_norm_eps", eps, "a number above zero")
    }
}

impl PreprocessConfig {
    /// CLIP's own preprocessing (open_clip `constants.py`, `OPENAI_DATASET_MEAN` and `_STD`).
    #[expect(clippy::excessive_precision, reason = "the digits that open_clip writes")]
    pub const CLIP: Self = Self {
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
        interpolation: Interpolation::Bicubic,
        resize_mode: ResizeMode::Shortest,
    };

    pub(in crate::model) fn validate(&self) -> Result<(), ArchitectureError> {
        for mean in self.mean {
            require(mean.is_finite(), "mean", mean, "three finite numbers")?;
        }
        for std in self.std {
            require(std.is_finite() && std > 0.0, "std", std, "three numbers above zero")?;
        }
        Ok(())
    }
}

fn dimension(field: &str, value: usize) -> Result<(), ArchitectureError> {
    let expected = format!("a whole number from 1 to {MAX_DIMENSION}");
    require((1..=MAX_DIMENSION).contains(&value), field, value, &expected)
}

fn multiple(field: &str, value: usize, of_field: &str, of: usize) -> Result<(), ArchitectureError> {
    let expected = format!("a multiple of {of_field}, which is {of}");
    require(value.is_multiple_of(of), field, value, &expected)
}

fn require(
    holds: bool,
    field: &str,
    value: impl ToString,
    expected: &str,
) -> Result<(), ArchitectureError> {
    if holds {
        return Ok(());
    }
    let (field, value, expected) = (field.to_owned(), value.to_string(), expected.to_owned());
    Err(ArchitectureError::Invalid { field, value, expected })
}
