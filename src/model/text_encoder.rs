//! The side of a model that reads texts: tokenizer, tower and the temperature of zero-shot
//! classification, loaded when they are asked for.

use std::path::{Path, PathBuf};

use candle_core::DType;
use candle_nn::{Init, VarBuilder};

use super::{
    Embedding, Model, ModelError,
    architecture::Activation,
    cpu::{CpuTextTower, Scratch},
    device::{self, Precision},
    registry::ServedModel,
    text::TextTransformer,
    tokenizer::{Tokenizer, TokenizerError, Tokens},
    weights,
};
use crate::kernels::{Kernels, crew::Crew};

/// Why there is no text tower.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// It has not been loaded.
    #[error("the text tower is not loaded")]
    NotLoaded,
    /// The model has none, or one of another kind.
    #[error("{model} has no text tower of CLIP's own kind, so it embeds images alone")]
    None {
        /// The model.
        model: String,
    },
    /// The file of the weights is another than at the start.
    #[error(
        "{}: the weights have changed since the model was loaded; start the service again, so that \
         texts and images are of the same ones", path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The vocabulary could not be had at the start.
    #[error("the vocabulary of {model} could not be had at the start: {reason}")]
    NoVocabulary {
        /// The model.
        model: String,
        /// Why.
        reason: String,
    },
    /// The vocabulary cannot be read.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The tokenizer knows tokens that the tower has not.
    #[error(
        "the tokenizer has {tokenizer} tokens and the text tower {tower}: put the model's own \
         tokenizer.json or merges.txt beside its weights"
    )]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Tokens of the tower.
        tower: usize,
    },
}

/// Texts into CLIP's space.
#[derive(Debug)]
pub struct TextEncoder {
    tower: Tower,
    tokenizer: Tokenizer,
    context: usize,
    embed_dim: usize,
    logit_scale: f32,
}

#[derive(Debug)]
enum Tower {
    Cpu(Box<CpuTextTower>),
    Gpu(TextTransformer),
}

impl TextEncoder {
    /// Takes the weights of the text tower of `served` from `weights`, under open_clip's names, with the
    /// `vocabulary` that it brings along or else CLIP's own, for
    /// kernels of this processor or, without them, for the device of `weights`.
    ///
    /// # Errors
    /// [`ModelError`], when a part is missing or does not fit.
    pub(super) fn load(
        served: &ServedModel,
        vocabulary: Option<&Path>,
        (kernels, precision, activation): (Option<Kernels>, Precision, Activation),
        weights: &VarBuilder<'_>,
    ) -> Result<Self, ModelError> {
        let architecture = &served.architecture;
        let none = || TextError::None { model: architecture.name.clone() };
        let text = architecture.text.as_ref().ok_or_else(none)?;
        let tokenizer = match vocabulary {
            Some(path) => Tokenizer::from_file(path).map_err(TextError::from)?,
            None => Tokenizer::builtin(),
        };
        if tokenizer.vocabulary() > text.vocab_size {
            let (tokenizer, tower) = (tokenizer.vocabulary(), text.vocab_size);
            return Err(TextError::Vocabulary { tokenizer, tower }.into());
        }
        let embed_dim = architecture.embed_dim;
        let tower = match kernels {
            Some(kernels) => Tower::Cpu(Box::new(CpuTextTower::new(
                (text, embed_dim),
                activation,
                (kernels, precision),
                weights,
            )?)),
            None => Tower::Gpu(TextTransformer::new(text, embed_dim, activation, weights.clone())?),
        };
        // In f32 whatever the device computes in: bf16 would move the temperature by a hundredth.
        let logit_scale =
            weights.get_with_hints_dtype((), "logit_scale", Init::Const(0.), DType::F32)?;
        let logit_scale: f32 = logit_scale.to_scalar()?;
        let context = text.context_length;
        Ok(Self { tower, tokenizer, context, embed_dim, logit_scale: logit_scale.exp() })
    }

    /// What the tower reads of `text`.
    pub fn tokens(&self, text: &str) -> Tokens {
        self.tokenizer.tokens(text, self.context)
    }

    /// Whether the tower reads less than all of `text`.
    pub fn cuts(&self, text: &str) -> bool {
        self.tokenizer.tokens(text, self.context + 1).len() > self.context
    }

    /// What cosines are multiplied by before the softmax of a zero-shot classification.
    pub fn logit_scale(&self) -> f32 {
        self.logit_scale
    }

    /// Projects `texts` into CLIP's space.
    pub(super) fn project(
        &self,
        scratch: &mut Option<Scratch>,
        crew: &Crew,
        texts: &[&[u32]],
    ) -> Result<Vec<Embedding>, ModelError> {
        match &self.tower {
            Tower::Cpu(tower) => {
                if scratch.is_none() {
                    *scratch = Some(tower.scratch()?);
                }
                let mut projections = vec![0.; texts.len() * self.embed_dim];
                if let Some(scratch) = scratch {
                    tower.forward(texts, crew, scratch, &mut projections);
                }
                Ok(projections.chunks_exact(self.embed_dim).map(<[f32]>::to_vec).collect())
            }
            Tower::Gpu(tower) => Ok(tower.forward(texts)?.to_vec2()?),
        }
    }
}

impl Model {
    /// The text tower, if it is loaded.
    ///
    /// # Errors
    /// [`TextError::NotLoaded`].
    pub fn text(&self) -> Result<&TextEncoder, TextError> {
        self.text.get().ok_or(TextError::NotLoaded)
    }

    /// Reads the text tower of the same checkpoint, unless it is loaded already, and says whether this
    /// call did. Blocks.
    ///
    /// # Errors
    /// [`ModelError`], when there is none that can be served.
    pub fn load_text(&self) -> Result<bool, ModelError> {
        if self.text.get().is_some() {
            return Ok(false);
        }
        let dtype = if self.device.is_cpu() { DType::F32 } else { self.precision.on_gpu()? };
        let weights = match &self.checkpoint {
            None => weights::random(dtype, &self.device),
            Some(file) => {
                file.check()?;
                weights::from_file(&file.path, dtype, &self.device)?
            }
        };
        let kernels = match self.device.is_cpu() {
            true => Some(device::kernels(self.isa, self.precision)?),
            false => None,
        };
        let on = (kernels, self.precision, self.activation);
        let vocabulary = self.vocabulary.as_ref().map_err(|reason| TextError::NoVocabulary {
            model: self.served.architecture.name.clone(),
            reason: reason.clone(),
        })?;
        let text = TextEncoder::load(&self.served, vocabulary.as_deref(), on, &weights)?;
        Ok(self.text.set(text).is_ok())
    }
}
