//! The one way through: the photos, texts and tensors of a request in, their embeddings out, in order.
//!
//! Photos are decoded side by side on a pool of their own, each when the memory for it is there;
//! what could be decoded goes to the [`Batcher`] together. One photo that fails costs nobody
//! anything but its own place.

mod decoding;
mod load;
mod prepare;
mod text;

use std::{sync::Arc, time::Duration};

pub use load::{LoadError, load};
use rayon::ThreadPool;
use text::TextGate;
pub use text::{TextChoice, TextMemory, TextRefusal, TextState};

use crate::{
    admission::{Admission, BodyMemory, Capacity, Places},
    batcher::{BatchError, BatchOptions, Batcher, Counts, Embedded, Health, Item},
    kernels::{Kernels, crew::Crew},
    metrics::Place,
    model::{self, Model, ModelError, ModelInfo, Sample, architecture::Architecture, gpus::Gpus},
    preprocess::{DecodeOptions, ImageError, Normalization, PhotoFacts, Pixels, Preprocess},
    threads,
    upload::{Missing, NoBytes, base64::Base64Error},
};

/// Why one photo has no embedding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// Its text is no base64.
    #[error(transparent)]
    Base64(#[from] Base64Error),
    /// It was to be fetched, and was not.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Its bytes are no image that can be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Decoding it takes more memory than there is for all decodes.
    #[error(
        "decoding the image takes {needed} bytes, and this service has {limit} for decoding \
         (--memory-limit): send a smaller image, or a JPEG that is not progressive"
    )]
    TooLarge {
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that there are.
        limit: u64,
    },
    /// It is a text, and there is no text tower.
    #[error("texts are not embedded: the text tower is not loaded")]
    NoText,
    /// Decoding it failed by a fault of ours; the log says how.
    #[error("the decoder failed on this image, by a fault of the service; please report it")]
    Panicked,
}

impl PhotoError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Base64(error) => error.code(),
            Self::Missing(missing) => missing.code,
            Self::Image(error) => error.code(),
            Self::TooLarge { .. } => "too_large_to_decode",
            Self::NoText => "no_text",
            Self::Panicked => "decoder_failed",
        }
    }
}

impl From<NoBytes> for PhotoError {
    fn from(error: NoBytes) -> Self {
        match error {
            NoBytes::Base64(error) => Self::Base64(error),
            NoBytes::Missing(missing) => Self::Missing(missing),
        }
    }
}

/// What became of one input.
pub type Prepared = Result<Ready, PhotoError>;

/// An input that the model can take.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    /// What the model takes.
    pub item: Item,
    /// What is known of a photo, where that was asked for.
    pub facts: Option<PhotoFacts>,
    /// Size of a photo's file in bytes.
    pub bytes: u64,
}

/// How long embeddings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// L2 norm 1.
    Unit,
    /// As the model projects them.
    Raw,
}

/// Why a service cannot start to embed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system refuses threads.
    #[error("cannot start the threads that decode and compute: {0}; lower --threads")]
    Threads(Box<dyn std::error::Error + Send + Sync>),
    /// The model cannot be put to work, or fails its test.
    #[error("the model cannot be put to work: {0}")]
    Model(Box<ModelError>),
}

impl StartError {
    pub(crate) fn threads(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Threads(error.into())
    }
}

/// What the operator says of batches; the rest follows from the model's device.
#[derive(Clone, Copy, Debug)]
pub struct BatchChoice {
    /// Batches that are computed side by side (`--workers`); none is one for each thread on a CPU, and
    /// one on a GPU.
    pub workers: Option<usize>,
    /// Most images in one forward pass, at least 1 (`--max-batch`).
    pub most: usize,
    /// How long a batch that is not full waits for more (`--batch-delay`).
    pub delay: Duration,
}

impl BatchChoice {
    fn on(self, model: &Model, threads: usize) -> BatchOptions {
        let cores = model.device().is_cpu();
        BatchOptions {
            workers: self.workers.unwrap_or(if cores { threads } else { 1 }),
            most: self.most.min(model.useful_batch().unwrap_or(usize::MAX)),
            delay: self.delay,
            helping: cores,
        }
    }
}

/// How a model is put to work.
#[derive(Clone, Copy, Debug)]
pub struct EmbedOptions {
    /// What photos are resized with.
    pub kernels: Kernels,
    /// Limits and choices of decoding.
    pub decode: DecodeOptions,
    /// Threads that decode, and as many that compute.
    pub threads: usize,
    /// How batches are made.
    pub batches: BatchChoice,
    /// What may be used at the same time.
    pub capacity: Capacity,
    /// When the text tower is loaded.
    pub text: TextChoice,
    /// What it takes.
    pub text_memory: TextMemory,
}

/// The way from a photo to the pixels that `architecture` was trained on.
pub fn preprocess_for(
    architecture: &Architecture,
    kernels: Kernels,
    decode: DecodeOptions,
) -> Preprocess {
    let config = &architecture.preprocess;
    let size = u32::try_from(architecture.vision.image_size)
        .expect("an architecture's dimensions are at most MAX_DIMENSION");
    Preprocess::new(kernels, size, Normalization::new(config.mean, config.std), decode)
}

/// A loaded model with the threads around it.
#[derive(Debug)]
pub struct Embedder {
    model: Arc<Model>,
    gpus: Gpus,
    preprocess: Arc<Preprocess>,
    kernels: Kernels,
    decoders: ThreadPool,
    admission: Admission,
    batcher: Batcher,
    text: TextGate,
    useful_in_flight: usize,
}

impl Embedder {
    /// Puts `model` to work, once it has passed its warm-up.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(model: Model, options: &EmbedOptions) -> Result<Self, StartError> {
        let EmbedOptions { kernels, decode, threads, batches, capacity, text, text_memory } =
            *options;
        let batches = batches.on(&model, threads);
        let model = Arc::new(model);
        let decoders = threads::pool("decode", threads).map_err(StartError::threads)?;
        let model_error = |error| StartError::Model(Box::new(error));
        if text == TextChoice::On {
            decoders.install(|| model.load_text().map(|_| ())).map_err(model_error)?;
        }
        let workers = (0..batches.workers).map(|_| model.worker());
        let mut workers: Vec<_> = workers.collect::<Result<_, _>>().map_err(model_error)?;
        let took = model.warm_up(&mut workers).map_err(model_error)?;
        tracing::info!(milliseconds = took.as_millis() as u64, "the model passed its warm-up");
        let rate = 1. / took.as_secs_f64();
        // All workers were at it; each will have a batch of its own.
        let full = batches.most.saturating_mul(batches.workers);
        let full = took.saturating_mul(u32::try_from(full).unwrap_or(u32::MAX));
        let workers = workers.into_iter().map(|mut worker| {
            let model = Arc::clone(&model);
            move |samples: &[Sample<'_>], crew: &Crew| {
                #[cfg(feature = "fault-injection")]
                crate::faults::in_model(samples)?;
                model.project_on(&mut worker, crew, samples)
            }
        });
        let batcher = Batcher::start(batches, full, workers);
        let useful_in_flight = batches.workers.saturating_mul(batches.most).saturating_add(threads);
        Ok(Self {
            gpus: Gpus::find(model.device()),
            preprocess: Arc::new(preprocess_for(model.architecture(), kernels, decode)),
            kernels,
            model,
            decoders,
            admission: Admission::new(capacity, rate),
            batcher: batcher.map_err(StartError::threads)?,
            text: TextGate::new(text, text_memory),
            useful_in_flight: useful_in_flight.saturating_mul(2),
        })
    }

    /// What photos are resized, and vectors compared, with.
    pub fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Shape and preprocessing of the model.
    pub fn architecture(&self) -> &Architecture {
        self.model.architecture()
    }

    /// What the model is.
    pub fn info(&self) -> ModelInfo {
        self.model.info()
    }

    /// The GPUs of the machine.
    pub fn gpus(&self) -> &Gpus {
        &self.gpus
    }

    /// Whether a request that names a model means this one.
    pub fn is(&self, model_name: Option<&str>, pretrained: Option<&str>) -> bool {
        self.model.spec().matches(model_name, pretrained)
    }

    /// The door that a request comes in by.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Most images and texts in one forward pass.
    pub fn batch(&self) -> usize {
        self.batcher.most()
    }

    /// Threads that decode photos and read texts.
    pub fn threads(&self) -> usize {
        self.decoders.current_num_threads()
    }

    /// Photos at a time beyond which no thread would have more to do: twice what all decode and compute
    /// at once.
    pub fn useful_in_flight(&self) -> usize {
        self.useful_in_flight
    }

    /// How the model is.
    pub fn health(&self) -> Health {
        self.batcher.health()
    }

    /// Gives a failing model an image to embed, whose success ends the illness: while the service is
    /// not ready, nobody else sends it one.
    pub async fn recheck(&self) {
        let size = self.model.architecture().vision.image_size;
        let black = vec![Item::Image(Pixels::from(vec![0.; 3 * size * size]))];
        let places = async { self.admission.enter(Some(0)).await?.admit(1).await };
        if let Ok(places) = places.await {
            // What fails has been logged, and shows in the health.
            let _ = self.batcher.embed(black, places, self.admission.timeout()).await;
        }
    }

    /// Returns when a thread of the model has ended that should not have.
    pub async fn lost(&self) {
        self.batcher.lost().await;
    }

    /// Runs `work`, which has a body that `memory` is reserved for, where neither those who answer nor
    /// the model wait for it. None if it panicked.
    pub async fn aside<T: Send + 'static>(
        &self,
        memory: Option<BodyMemory>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let work = move || {
            let done = work();
            drop(memory);
            done
        };
        threads::run(&self.decoders, Place::Handler, work).await
    }

    /// The embeddings of `items`, in their order, each of which has one of `places`; the first must
    /// be begun within `patience`.
    ///
    /// # Errors
    /// [`BatchError`].
    pub async fn embed(
        &self,
        items: Vec<Item>,
        places: Places,
        patience: Duration,
        length: Length,
    ) -> Result<Embedded, BatchError> {
        let counts = Counts::of(&items);
        let mut embedded = self.batcher.embed(items, places, patience).await;
        if let (Ok(embedded), Length::Unit) = (&mut embedded, length) {
            embedded.embeddings.iter_mut().for_each(|embedding| model::normalize(embedding));
        }
        let outcome = match &embedded {
            Ok(_) => Some("embedded"),
            Err(BatchError::Model) => Some("model_failed"),
            // The batcher has counted those that it dropped.
            Err(BatchError::Late | BatchError::Stopped) => None,
        };
        outcome.into_iter().for_each(|outcome| counts.tell(outcome));
        embedded
    }
}
