//! The one way through: the photos of a request in, their embeddings out, in order.
//!
//! Photos are decoded side by side on a pool of their own, each when the memory for it is there;
//! what could be decoded goes to the [`Batcher`] together. One photo that fails costs nobody
//! anything but its own place.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rayon::ThreadPool;

use crate::{
    admission::{Admission, BodyMemory, Capacity, Places, Refusal, Reservation, Shortage},
    batcher::{BatchError, BatchOptions, Batcher, Embedded, Health},
    kernels::{Kernels, crew::Crew},
    metrics::{self, Place, Stage},
    model::{Model, ModelError, ModelInfo, architecture::Architecture, gpus::Gpus},
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
            Self::TooLarge { .. } => "too_large_to_decode",
            Self::Panicked => "decoder_failed",
        }
    }
}

/// What became of one photo.
pub type Decoded = Result<Pixels, PhotoError>;

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
    decoders: ThreadPool,
    admission: Admission,
    batcher: Batcher,
}

impl Embedder {
    /// Puts `model` to work, once it has passed its warm-up.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(model: Model, options: &EmbedOptions) -> Result<Self, StartError> {
        let EmbedOptions { kernels, decode, threads, batches, capacity } = *options;
        let batches = batches.on(&model, threads);
        let model = Arc::new(model);
        let decoders = threads::pool("decode", threads).map_err(StartError::threads)?;
        let model_error = |error| StartError::Model(Box::new(error));
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
            move |images: &[&[f32]], crew: &Crew| {
                #[cfg(feature = "fault-injection")]
                crate::faults::in_model(images)?;
                model.embed_on(&mut worker, crew, images)
            }
        });
        let batcher = Batcher::start(batches, full, workers);
        Ok(Self {
            gpus: Gpus::find(model.device()),
            preprocess: Arc::new(preprocess_for(model.architecture(), kernels, decode)),
            model,
            decoders,
            admission: Admission::new(capacity, rate),
            batcher: batcher.map_err(StartError::threads)?,
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

    /// The door that a request comes in by.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// How the model is.
    pub fn health(&self) -> Health {
        self.batcher.health()
    }

    /// Gives a failing model an image to embed, whose success ends the illness: while the service is
    /// not ready, nobody else sends it one.
    pub async fn recheck(&self) {
        let size = self.model.architecture().vision.image_size;
        let pixels = vec![Pixels::from(vec![0.; 3 * size * size])];
        let places = async { self.admission.enter(Some(0)).await?.admit(1).await };
        if let Ok(places) = places.await {
            // What fails has been logged, and shows in the health.
            let _ = self.batcher.embed(pixels, places, self.admission.timeout()).await;
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

    /// Decodes `photos`, parts of a body that `memory` is reserved for, side by side: all of them or,
    /// with `until_one_fails`, those up to the first that fails.
    ///
    /// # Errors
    /// When the memory for one was not free in time.
    pub async fn preprocess(
        &self,
        photos: Vec<Photo>,
        memory: Option<BodyMemory>,
        until_one_fails: bool,
    ) -> Result<Vec<Decoded>, Refusal> {
        let mut decoded = Vec::with_capacity(photos.len());
        let mut unfinished = Unfinished(photos.len());
        // As many at a time as there are threads, so that requests take turns.
        let at_once = self.decoders.current_num_threads();
        let photos = stream::iter(photos).map(|photo| self.pixels(photo, memory.clone()));
        let photos = photos.buffered(at_once);
        let mut photos = std::pin::pin!(photos);
        while let Some(photo) = photos.next().await {
            let photo = photo?;
            if let Err(error) = &photo {
                metrics::images(error.code(), 1);
                unfinished.0 -= 1;
            }
            let ends = until_one_fails && photo.is_err();
            decoded.push(photo);
            if ends {
                break;
            }
        }
        unfinished.0 = 0;
        Ok(decoded)
    }

    async fn pixels(&self, photo: Photo, memory: Option<BodyMemory>) -> Result<Decoded, Refusal> {
        let (preprocess, admission) = (Arc::clone(&self.preprocess), self.admission.clone());
        // One turn where the memory is free, as it nearly always is.
        let open = move || open(photo, memory, &preprocess, &admission);
        let (file, needed) = match threads::run(&self.decoders, Place::Decoder, open).await {
            Some(Ok(Opened::Decoded(pixels))) => return Ok(Ok(pixels)),
            Some(Ok(Opened::Waits { file, needed })) => (file, needed),
            Some(Err(error)) => return Ok(Err(error)),
            None => return Ok(Err(PhotoError::Panicked)),
        };
        let reserved = match self.admission.decode(needed).await {
            Ok(reserved) => reserved,
            Err(_) => return Err(Refusal::NoMemory { timeout: self.admission.timeout() }),
        };
        let preprocess = Arc::clone(&self.preprocess);
        let decode = move || decode(&file, &preprocess, reserved);
        let decoded = threads::run(&self.decoders, Place::Decoder, decode).await;
        Ok(decoded.unwrap_or(Err(PhotoError::Panicked)))
    }

    /// The embeddings of `pixels`, in their order, each of which has one of `places`; the first must
    /// be begun within `patience`.
    ///
    /// # Errors
    /// [`BatchError`].
    pub async fn embed(
        &self,
        pixels: Vec<Pixels>,
        places: Places,
        patience: Duration,
    ) -> Result<Embedded, BatchError> {
        let images = pixels.len();
        let embedded = self.batcher.embed(pixels, places, patience).await;
        let outcome = match &embedded {
            Ok(_) => Some("embedded"),
            Err(BatchError::Model) => Some("model_failed"),
            // The batcher has counted those that it dropped.
            Err(BatchError::Late | BatchError::Stopped) => None,
        };
        outcome.into_iter().for_each(|outcome| metrics::images(outcome, images));
        embedded
    }
}

/// Photos whose outcome nobody has told yet; when it is dropped, they have been left by their client,
/// or by a request that gave up.
struct Unfinished(usize);

impl Drop for Unfinished {
    fn drop(&mut self) {
        metrics::images("abandoned", self.0);
    }
}

/// The bytes of a photo, with the memory that was reserved for them: work on it goes on when its
/// client has left.
struct File {
    bytes: Bytes,
    _memory: Option<BodyMemory>,
}

/// A photo after its first turn.
enum Opened {
    /// It is decoded.
    Decoded(Pixels),
    /// Others have the memory that it needs.
    Waits { file: File, needed: u64 },
}

fn open(
    photo: Photo,
    memory: Option<BodyMemory>,
    preprocess: &Preprocess,
    admission: &Admission,
) -> Result<Opened, PhotoError> {
    let file = File { bytes: photo.bytes()?, _memory: memory };
    let needed = preprocess.work_bytes(&preprocess.probe(&file.bytes)?);
    match admission.try_decode(needed) {
        Ok(reserved) => decode(&file, preprocess, reserved).map(Opened::Decoded),
        Err(Shortage::Late) => Ok(Opened::Waits { file, needed }),
        Err(Shortage::Never) => {
            Err(PhotoError::TooLarge { needed, limit: admission.decode_limit() })
        }
    }
}

fn decode(file: &File, preprocess: &Preprocess, reserved: Reservation) -> Decoded {
    let start = Instant::now();
    let rgb = preprocess.decode(&file.bytes)?;
    #[cfg(feature = "fault-injection")]
    crate::faults::in_decoder(&rgb);
    let decoded = Instant::now();
    metrics::stage(Stage::Decode, decoded - start);
    let pixels = preprocess.square(&rgb);
    metrics::stage(Stage::Resize, decoded.elapsed());
    drop((rgb, reserved));
    Ok(pixels)
}
