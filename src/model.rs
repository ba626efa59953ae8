//! The model: which one, its weights, and the forward pass from pixels and tokens to embeddings.
//!
//! Knows neither HTTP nor tokio. [`registry`] names models, [`source`] finds their files,
//! [`weights`] reads them; [`cpu`] computes, or [`vision`] and [`text`] on a GPU. The text tower is
//! loaded when it is asked for ([`text_encoder`]).

mod activation;
pub mod architecture;
mod block;
pub mod cpu;
pub mod device;
pub mod gpus;
pub mod hub;
pub mod registry;
pub mod source;
pub mod text;
pub mod text_encoder;
pub mod tokenizer;
pub mod vision;
mod warm_up;
pub mod weights;

use std::{path::PathBuf, sync::OnceLock};

use architecture::{Activation, Architecture};
use candle_core::{DType, Device, Tensor};
use cpu::{CpuTower, Scratch};
use device::{DeviceChoice, DeviceError, Precision};
use hub::HubError;
use registry::{ModelSpec, RegistryError, ServedModel, Source};
use serde::Serialize;
use source::CheckpointFile;
use text_encoder::{TextEncoder, TextError};
use vision::VisionTransformer;
use weights::WeightsError;

use crate::kernels::{Isa, crew::Crew};

/// The place of an image or a text in CLIP's space: [`Architecture::embed_dim`] numbers of L2 norm 1,
/// or of any length where a projection is asked for.
pub type Embedding = Vec<f32>;

/// What a model embeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample<'a> {
    /// An image, `[3, size, size]` normalised numbers.
    Image(&'a [f32]),
    /// The tokens of a text, the last of which is the end token.
    Text(&'a [u32]),
}

/// Gives `projection` the L2 norm 1.
pub fn normalize(projection: &mut [f32]) {
    let norm = projection.iter().map(|number| number * number).sum::<f32>().sqrt();
    projection.iter_mut().for_each(|number| *number /= norm);
}

/// How a model is run.
#[derive(Clone, Copy, Debug)]
pub struct ModelOptions {
    /// Where it computes.
    pub device: DeviceChoice,
    /// The type it computes in.
    pub precision: Precision,
    /// Instruction set on a CPU; none is the widest there is.
    pub isa: Option<Isa>,
    /// Activation to run whatever the checkpoint was trained with.
    pub activation: Option<Activation>,
}

/// Why there is no model, or no embedding.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No device to compute on.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The files cannot be had.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Names or configs that contradict one another.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A folder or a config beside the weights cannot be used.
    #[error(transparent)]
    Source(#[from] source::SourceError),
    /// The weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The computation left the range of the model's type.
    #[error("an embedding is not finite; a model in f16 may overflow: use --precision f32 or bf16")]
    NotFinite,
    /// The system has no memory for what a forward pass writes.
    #[error("no memory for the model's threads: {0}; lower --workers")]
    Memory(#[from] std::io::Error),
    /// The model does not give what it should.
    #[error("{0}")]
    WarmUp(String),
    /// There is no text tower.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The computation failed, or a tensor of the checkpoint does not fit.
    #[error("{}", innermost(.0))]
    Compute(#[from] candle_core::Error),
}

/// What `GET /model-info` tells of the model.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ModelInfo {
    /// Name of the architecture, or of the repository or folder that brought it.
    #[schema(example = "ViT-B-32")]
    pub model_name: String,
    /// Tag, path or place of the weights.
    #[schema(example = "openai")]
    pub pretrained: String,
    /// `cpu` or `cuda`.
    #[schema(example = "cpu")]
    pub device: String,
    /// Numbers in an embedding.
    #[schema(example = 512)]
    pub embedding_dim: usize,
    /// Activation that runs: `gelu` or `quick_gelu`. The two give different vectors.
    #[schema(example = "quick_gelu")]
    pub activation: String,
    /// Type that the model computes in: `f32`, `f16`, `bf16` or `int8`.
    #[schema(example = "f32")]
    pub precision: String,
    /// What the weights are: `pretrained`, or `seeded` pseudo-random numbers without meaning.
    #[schema(example = "pretrained")]
    pub weights: String,
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Model {
    tower: Tower,
    text: OnceLock<TextEncoder>,
    /// The file of the weights; none where they are seeded.
    checkpoint: Option<CheckpointFile>,
    /// The vocabulary that the model brings along, if any, or why it cannot be had.
    vocabulary: Result<Option<PathBuf>, String>,
    isa: Option<Isa>,
    device: Device,
    served: ServedModel,
    activation: Activation,
    precision: Precision,
}

/// The tower, as the device computes it.
#[derive(Debug)]
enum Tower {
    Cpu(Box<CpuTower>),
    Gpu(VisionTransformer),
}

/// What a thread needs that computes batches, one at a time.
#[derive(Debug)]
pub struct Worker {
    image: Option<Scratch>,
    /// Made with the first text.
    text: Option<Scratch>,
}

impl Model {
    /// Finds, reads and checks the weights of `spec`; downloads what is not in the hub's cache.
    /// Blocks, for minutes where a download is needed.
    ///
    /// # Errors
    /// [`ModelError`], saying what cannot be had or does not fit, and what to do.
    pub fn load(spec: ModelSpec, options: &ModelOptions) -> Result<Self, ModelError> {
        let device = device::open(options.device)?;
        // The CPU's weights are packed from f32, in whatever they are packed.
        let (kernels, dtype) = if device.is_cpu() {
            (Some(device::kernels(options.isa, options.precision)?), DType::F32)
        } else {
            (None, options.precision.on_gpu()?)
        };
        let (served, checkpoint) = source::find(spec)?;
        let weights = match &checkpoint {
            None => {
                tracing::warn!(
                    seed = weights::seeded::SEED,
                    "the weights are seeded pseudo-random numbers: embeddings are reproducible \
                     but mean nothing"
                );
                weights::random(dtype, &device)
            }
            Some(path) => {
                tracing::info!(path = %path.display(), "reading the weights");
                weights::from_file(path, dtype, &device)?
            }
        };
        let choice = served.activation(options.activation);
        tracing::info!(activation = %choice.activation, reason = choice.reason, "activation");
        let activation = choice.activation;
        let (architecture, weights) = (&served.architecture, weights.pp("visual"));
        let tower = if let Some(kernels) = kernels {
            let precision = options.precision;
            tracing::info!(isa = %kernels.isa(), %precision, "packing the weights");
            Tower::Cpu(Box::new(CpuTower::new(
                architecture,
                activation,
                (kernels, precision),
                &weights,
            )?))
        } else {
            Tower::Gpu(VisionTransformer::new(architecture, activation, weights)?)
        };
        let checkpoint = checkpoint.map(CheckpointFile::at);
        // Now, so that the first text needs no network; images are served without.
        let vocabulary = match served.architecture.text {
            Some(_) => source::vocabulary(&served.spec).map_err(|error| error.to_string()),
            None => Ok(None),
        };
        Ok(Self {
            tower,
            text: OnceLock::new(),
            checkpoint,
            vocabulary,
            isa: options.isa,
            device,
            served,
            activation,
            precision: options.precision,
        })
    }

    /// Images beyond which a larger batch gains nothing, where that is known.
    pub fn useful_batch(&self) -> Option<usize> {
        matches!(self.tower, Tower::Cpu(_)).then_some(cpu::GROUP)
    }

    /// What one more thread needs to compute batches.
    ///
    /// # Errors
    /// [`ModelError::Memory`].
    pub fn worker(&self) -> Result<Worker, ModelError> {
        let image = match &self.tower {
            Tower::Cpu(tower) => Some(tower.scratch()?),
            Tower::Gpu(_) => None,
        };
        Ok(Worker { image, text: None })
    }

    /// [`Self::embed_on`] a worker of its own, without help: for who has one batch.
    ///
    /// # Errors
    /// As [`Self::embed_on`].
    pub fn embed(&self, batch: &[&[f32]]) -> Result<Vec<Embedding>, ModelError> {
        self.embed_on(&mut self.worker()?, &Crew::new(), batch)
    }

    /// Embeds a batch of images, `[3, size, size]` normalised numbers each: [`Self::project_on`], each
    /// projection with the L2 norm 1.
    ///
    /// # Errors
    /// As [`Self::project_on`].
    pub fn embed_on(
        &self,
        worker: &mut Worker,
        crew: &Crew,
        batch: &[&[f32]],
    ) -> Result<Vec<Embedding>, ModelError> {
        let batch: Vec<_> = batch.iter().map(|image| Sample::Image(image)).collect();
        let mut embeddings = self.project_on(worker, crew, &batch)?;
        embeddings.iter_mut().for_each(|embedding| normalize(embedding));
        Ok(embeddings)
    }

    /// Projects a batch into CLIP's space, in its order, each of any length but zero; on a CPU with the
    /// help of the members of `crew`, which the caller leads.
    ///
    /// # Errors
    /// [`ModelError::Compute`] when an image has another size than the model takes, or when the
    /// device fails; [`ModelError::Text`] when a text comes and no text tower is loaded;
    /// [`ModelError::NotFinite`] instead of a projection that is none.
    pub fn project_on(
        &self,
        worker: &mut Worker,
        crew: &Crew,
        batch: &[Sample<'_>],
    ) -> Result<Vec<Embedding>, ModelError> {
        let (mut images, mut texts) = (Vec::new(), Vec::new());
        for sample in batch {
            match sample {
                Sample::Image(image) => images.push(*image),
                Sample::Text(text) => texts.push(*text),
            }
        }
        let mut images = self.project_images(worker, crew, &images)?.into_iter();
        let mut texts = match texts.is_empty() {
            true => Vec::new(),
            false => self.text()?.project(&mut worker.text, crew, &texts)?,
        }
        .into_iter();
        let projections = batch.iter().filter_map(|sample| match sample {
            Sample::Image(_) => images.next(),
            Sample::Text(_) => texts.next(),
        });
        let projections: Vec<_> = projections.collect();
        let has_length = |projection: &Embedding| {
            let square = projection.iter().map(|number| number * number).sum::<f32>();
            square.is_finite() && square > 0.
        };
        if projections.iter().all(has_length) {
            Ok(projections)
        } else {
            Err(ModelError::NotFinite)
        }
    }

    fn project_images(
        &self,
        worker: &mut Worker,
        crew: &Crew,
        batch: &[&[f32]],
    ) -> Result<Vec<Embedding>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let size = self.architecture().vision.image_size;
        if let Some(image) = batch.iter().find(|image| image.len() != 3 * size * size) {
            let expected = 3 * size * size;
            let message = format!("an image has {} numbers, not {expected}", image.len());
            return Err(candle_core::Error::msg(message).into());
        }
        match (&self.tower, &mut worker.image) {
            (Tower::Cpu(tower), Some(scratch)) => {
                let dim = self.architecture().embed_dim;
                let mut projections = vec![0.; batch.len() * dim];
                tower.forward(batch, crew, scratch, &mut projections);
                Ok(projections.chunks_exact(dim).map(<[f32]>::to_vec).collect())
            }
            (Tower::Gpu(tower), _) => {
                let shape = (batch.len(), 3, size, size);
                let pixels = Tensor::from_vec(batch.concat(), shape, &Device::Cpu)?;
                Ok(tower.forward(&pixels.to_device(&self.device)?)?.to_vec2()?)
            }
            (Tower::Cpu(_), None) => {
                Err(candle_core::Error::msg("a worker of another model").into())
            }
        }
    }

    /// Shape and preprocessing.
    pub fn architecture(&self) -> &Architecture {
        &self.served.architecture
    }

    /// Names and origin.
    pub fn spec(&self) -> &ModelSpec {
        &self.served.spec
    }

    /// Device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What `GET /model-info` tells.
    pub fn info(&self) -> ModelInfo {
        let spec = self.spec();
        let seeded = spec.source == Source::Seeded;
        ModelInfo {
            model_name: spec.model_name.clone(),
            pretrained: spec.pretrained.clone(),
            device: if self.device().is_cuda() { "cuda" } else { "cpu" }.to_owned(),
            embedding_dim: self.architecture().embed_dim,
            activation: self.activation.to_string(),
            precision: self.precision.to_string(),
            weights: if seeded { "seeded" } else { "pretrained" }.to_owned(),
        }
    }
}

/// candle wraps an error in its own: what was wrong is at the bottom.
fn innermost(error: &candle_core::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
