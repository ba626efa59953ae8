//! When the text tower is loaded: at the start, with the first text, or never.
//!
//! Loaded with the first text, its memory is taken out of what decodes share, for good, so that the
//! sum of all memory stays what it was at the start.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::Embedder;
use crate::{
    admission::{BodyMemory, Reservation, Shortage},
    model::{Model, ModelError, text_encoder::TextEncoder},
    upload::Input,
};

/// What is asked of the text tower (`--text`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextChoice {
    /// No texts.
    Off,
    /// Loaded with the first text.
    OnDemand,
    /// Loaded at the start.
    On,
}

/// What the text tower takes of the memory, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextMemory {
    /// Once it is loaded: its weights, and what each worker writes.
    pub lasting: u64,
    /// Beside that, while it is loaded.
    pub loading: u64,
    /// What must be left for decodes.
    pub least_decodes: u64,
}

/// Whether texts can be embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextState {
    /// They are refused.
    Off,
    /// The model has no text tower.
    None,
    /// With the first text.
    OnDemand,
    /// Now.
    Ready,
}

impl TextState {
    /// As `/model-info` tells it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::None => "none",
            Self::OnDemand => "on_demand",
            Self::Ready => "ready",
        }
    }
}

/// Why texts are not embedded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextRefusal {
    /// The operator does not want it.
    #[error("texts are not served here: start the service with --text on or --text auto")]
    Off,
    /// The model has none.
    #[error("{model} has no text tower that can be served: it embeds images alone")]
    None {
        /// The model's name.
        model: String,
    },
    /// Its memory is not there.
    #[error(
        "the text tower takes {needed} MiB, more than decodes can spare (--memory-limit): give the \
         service more memory, or start it with --text on, which counts it from the start"
    )]
    NoMemory {
        /// MiB that it takes.
        needed: u64,
    },
    /// Decodes hold its memory now.
    #[error("the text tower waits for memory that decodes hold: try again")]
    Busy,
    /// It cannot be read.
    #[error("the text tower cannot be loaded; the log of the service says why")]
    Failed,
}

/// The choice, and the one load.
#[derive(Debug)]
pub(super) struct TextGate {
    pub choice: TextChoice,
    pub memory: TextMemory,
    pub loaded: OnceCell<()>,
}

impl TextGate {
    pub fn new(choice: TextChoice, memory: TextMemory) -> Self {
        Self { choice, memory, loaded: OnceCell::new() }
    }
}

impl Embedder {
    /// Whether texts can be embedded.
    pub fn text_state(&self) -> TextState {
        match self.text.choice {
            _ if self.model.architecture().text.is_none() => TextState::None,
            TextChoice::Off => TextState::Off,
            _ if self.model.text().is_ok() => TextState::Ready,
            _ => TextState::OnDemand,
        }
    }

    /// The text tower, loaded when this is the first time that somebody wants it.
    ///
    /// # Errors
    /// [`TextRefusal`].
    pub async fn text(&self) -> Result<&TextEncoder, TextRefusal> {
        match self.text_state() {
            TextState::Off => return Err(TextRefusal::Off),
            TextState::None => {
                let model = self.model.info().model_name;
                return Err(TextRefusal::None { model });
            }
            TextState::OnDemand => {
                self.text.loaded.get_or_try_init(|| self.load_text()).await?;
            }
            TextState::Ready => {}
        }
        self.model.text().map_err(|_| TextRefusal::Failed)
    }

    /// `inputs` again, parts of a body that `memory` is reserved for, and the place of the first text of
    /// which the tower would read less than all. None if that panicked.
    pub async fn first_overlong(
        &self,
        inputs: Vec<Input>,
        memory: Option<BodyMemory>,
    ) -> Option<(Vec<Input>, Option<usize>)> {
        let model = Arc::clone(&self.model);
        let look = move || {
            let is_overlong = |input: &Input| match (input, model.text()) {
                (Input::Text(text), Ok(encoder)) => encoder.cuts(text),
                _ => false,
            };
            let first = inputs.iter().position(is_overlong);
            (inputs, first)
        };
        self.aside(memory, look).await
    }

    /// What cosines are multiplied by before the softmax of a zero-shot classification; none without a
    /// text tower.
    pub fn scale(&self) -> Option<f32> {
        self.model.text().ok().map(TextEncoder::logit_scale)
    }

    async fn load_text(&self) -> Result<(), TextRefusal> {
        let TextMemory { lasting, loading, least_decodes } = self.text.memory;
        let reserved = self.admission.withhold(lasting, loading, least_decodes).await;
        let reserved = reserved.map_err(|shortage| match shortage {
            Shortage::Never => {
                let needed = lasting.saturating_add(loading.max(least_decodes));
                TextRefusal::NoMemory { needed: needed.div_ceil(1 << 20) }
            }
            Shortage::Late => TextRefusal::Busy,
        })?;
        tracing::info!("loading the text tower for the first text");
        let model = Arc::clone(&self.model);
        // Goes on, and keeps its memory, when the client has left.
        let loaded = self.aside(None, move || load(&model, reserved, lasting)).await;
        match loaded {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(%error, "the text tower cannot be loaded");
                Err(TextRefusal::Failed)
            }
            None => Err(TextRefusal::Failed),
        }
    }
}

fn load(model: &Model, mut reserved: Reservation, lasting: u64) -> Result<(), ModelError> {
    // Where the client that began a load has left, another may have begun one beside it: the memory of
    // the one that came first is kept.
    if model.load_text()? {
        reserved.shrink(lasting);
        reserved.keep();
        tracing::info!("the text tower is loaded");
    }
    Ok(())
}
