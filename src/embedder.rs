//! The one way through: the photos of a request in, their embeddings out, in order.
//!
//! Photos are decoded side by side on a pool of their own; what could be decoded goes to the
//! [`Batcher`] together. One photo that fails costs nobody anything but its own place.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rayon::{ThreadPool, prelude::*};

use crate::{
    batcher::{BatchError, Batcher},
    metrics::{self, Place, Stage},
    model::{Embedding, Model, ModelInfo, architecture::Architecture, gpus::Gpus},
    panics,
    preprocess::{DecodeOptions, ImageError, Normalization, Pixels, Preprocess},
    threads,
    upload::{Photo, base64::Base64Error},
};

/// Why one photo has no embedding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// Its text is no base64.
    #[error(transparent)]
    Base64(#[from] Base64Error),
    /// Its bytes are no image that can be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Decoding it failed by a fault of ours; the log says how.
    #[error("the decoder failed on this image, by a fault of the service; please report it")]
    Panicked,
}

impl PhotoError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Base64(error) => error.code(),
            Self::Image(error) => error.code(),
            Self::Panicked => "decoder_failed",
        }
    }
}

/// Why a service cannot start to embed.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the threads that decode and compute: {0}; lower --threads")]
pub struct StartError(#[from] Box<dyn std::error::Error + Send + Sync>);

/// The way from a photo to the pixels that `architecture` was trained on.
pub fn preprocess_for(architecture: &Architecture, decode: DecodeOptions) -> Preprocess {
    let config = &architecture.preprocess;
    let size = u32::try_from(architecture.vision.image_size)
        .expect("an architecture's dimensions are at most MAX_DIMENSION");
    Preprocess::new(size, Normalization::new(config.mean, config.std), decode)
}

/// A loaded model with the threads around it.
#[derive(Debug)]
pub struct Embedder {
    model: Arc<Model>,
    gpus: Gpus,
    preprocess: Preprocess,
    decoders: ThreadPool,
    batcher: Batcher,
}

impl Embedder {
    /// Puts `model` to work: `threads` threads that decode, and as many that compute.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(model: Model, decode: DecodeOptions, threads: usize) -> Result<Self, StartError> {
        let model = Arc::new(model);
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| StartError(error);
        let decoders = threads::pool("decode", threads).map_err(|error| refused(error.into()))?;
        let compute = threads::pool("compute", threads).map_err(|error| refused(error.into()))?;
        let batcher =
            Batcher::start(Arc::clone(&model), compute).map_err(|error| refused(error.into()))?;
        Ok(Self {
            gpus: Gpus::find(model.device()),
            preprocess: preprocess_for(model.architecture(), decode),
            model,
            decoders,
            batcher,
        })
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

    /// Decodes `photos` side by side. Blocks: call it where waiting harms nobody. Stops early, with
    /// fewer answers, when `abandoned` says that nobody waits for them any more.
    pub fn preprocess(
        &self,
        photos: &[Photo<'_>],
        abandoned: &AtomicBool,
    ) -> Vec<Result<Pixels, PhotoError>> {
        let mut pixels = Vec::with_capacity(photos.len());
        // As many at a time as there are threads: between them the pool takes up other requests,
        // so that a large one does not keep them waiting until its last photo.
        for some in photos.chunks(self.decoders.current_num_threads()) {
            if abandoned.load(Ordering::Relaxed) {
                break;
            }
            let decode = || some.par_iter().map(|photo| self.pixels(photo)).collect::<Vec<_>>();
            pixels.extend(self.decoders.install(decode));
        }
        pixels
    }

    fn pixels(&self, photo: &Photo<'_>) -> Result<Pixels, PhotoError> {
        let start = Instant::now();
        let decode = || Ok(self.preprocess.pixels(&photo.bytes()?)?);
        let pixels =
            panics::catch(Place::Decoder, decode).unwrap_or_else(|_| Err(PhotoError::Panicked));
        metrics::stage(Stage::Decode, start.elapsed());
        if let Err(error) = &pixels {
            metrics::image(error.code());
        }
        pixels
    }

    /// The embeddings of `pixels`, in their order.
    ///
    /// # Errors
    /// [`BatchError`] when the model failed or the service is stopping.
    pub async fn embed(&self, pixels: Vec<Pixels>) -> Result<Vec<Embedding>, BatchError> {
        let images = pixels.len();
        let embeddings = self.batcher.embed(pixels).await;
        let outcome = embeddings.as_ref().map_or_else(|error| error.code(), |_| "embedded");
        for _ in 0..images {
            metrics::image(outcome);
        }
        embeddings
    }
}
