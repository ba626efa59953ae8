//! The side of a model that reads texts: tokenizer, tower and the temperature of zero-shot
//! classification, loaded when they are asked for.

use candle_nn::VarBuilder;

use super::{
    Embedding, ModelError,
    architecture::Activation,
    cpu::{CpuTextTower, Scratch},
    device::Precision,
    registry::ServedModel,
    source,
    text::TextTransformer,
    tokenizer::{Tokenizer, TokenizerError, Tokens},
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
    /// The vocabulary cannot be had.
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
    /// Takes the weights of the text tower of `served` from `weights`, under open_clip's names, for
    /// kernels of this processor or, without them, for the device of `weights`.
    ///
    /// # Errors
    /// [`ModelError`], when a part is missing or does not fit.
    pub(super) fn load(
        served: &ServedModel,
        (kernels, precision, activation): (Option<Kernels>, Precision, Activation),
        weights: &VarBuilder<'_>,
    ) -> Result<Self, ModelError> {
        let architecture = &served.architecture;
        let none = || TextError::None { model: architecture.name.clone() };
        let text = architecture.text.as_ref().ok_or_else(none)?;
        let tokenizer = match source::vocabulary(&served.spec)? {
            Some(path) => Tokenizer::from_file(&path).map_err(TextError::from)?,
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
        let logit_scale: f32 =
            weights.get((), "logit_scale")?.to_dtype(candle_core::DType::F32)?.to_scalar()?;
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
