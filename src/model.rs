//! The model: which one, its weights, and the forward pass from pixels to embeddings.
//!
//! Knows neither HTTP nor tokio. [`registry`] names models, [`source`] finds their files,
//! [`weights`] reads them, [`vision`] computes.

mod activation;
pub mod architecture;
mod block;
pub mod device;
pub mod gpus;
pub mod hub;
pub mod registry;
pub mod source;
pub mod vision;
mod warm_up;
pub mod weights;

use architecture::{Activation, Architecture};
use candle_core::{Device, Tensor};
use device::{DeviceChoice, DeviceError, Precision};
use hub::HubError;
use registry::{ModelSpec, RegistryError, ServedModel, Source};
use serde::Serialize;
use vision::VisionTransformer;
use weights::WeightsError;

/// One image's place in CLIP's space: [`Architecture::embed_dim`] numbers of L2 norm 1.
pub type Embedding = Vec<f32>;

/// How a model is run.
#[derive(Clone, Copy, Debug)]
pub struct ModelOptions {
    /// Where it computes.
    pub device: DeviceChoice,
    /// The type it computes in.
    pub precision: Precision,
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
    /// The model does not give what it should.
    #[error("{0}")]
    WarmUp(String),
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
    /// Type that the model computes in: `f32`, `f16` or `bf16`.
    #[schema(example = "f32")]
    pub precision: String,
    /// What the weights are: `pretrained`, or `seeded` pseudo-random numbers without meaning.
    #[schema(example = "pretrained")]
    pub weights: String,
}

/// A model that is ready to run.
#[derive(Debug)]
pub struct Model {
    tower: VisionTransformer,
    served: ServedModel,
    activation: Activation,
    precision: Precision,
}

impl Model {
    /// Finds, reads and checks the weights of `spec`; downloads what is not in the hub's cache.
    /// Blocks, for minutes where a download is needed.
    ///
    /// # Errors
    /// [`ModelError`], saying what cannot be had or does not fit, and what to do.
    pub fn load(spec: ModelSpec, options: &ModelOptions) -> Result<Self, ModelError> {
        let device = device::open(options.device, options.precision)?;
        let dtype = options.precision.dtype();
        let (served, weights) = match source::find(spec)? {
            (served, None) => {
                tracing::warn!(
                    seed = weights::seeded::SEED,
                    "the weights are seeded pseudo-random numbers: embeddings are reproducible \
                     but mean nothing"
                );
                (served, weights::random(dtype, &device))
            }
            (served, Some(path)) => {
                tracing::info!(path = %path.display(), "reading the weights");
                (served, weights::from_file(&path, dtype, &device)?)
            }
        };
        let choice = served.activation(options.activation);
        tracing::info!(activation = %choice.activation, reason = choice.reason, "activation");
        let activation = choice.activation;
        let tower = VisionTransformer::new(&served.architecture, activation, weights.pp("visual"))?;
        Ok(Self { tower, served, activation, precision: options.precision })
    }

    /// Embeds a batch of images, `[3, size, size]` normalised numbers each, all at once; the caller
    /// bounds its length.
    ///
    /// # Errors
    /// [`ModelError::Compute`] when an image has another size than the model takes, or when the
    /// device fails; [`ModelError::NotFinite`] instead of an embedding that is none.
    pub fn embed(&self, batch: &[&[f32]]) -> Result<Vec<Embedding>, ModelError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let size = self.served.architecture.vision.image_size;
        let pixels = Tensor::from_vec(batch.concat(), (batch.len(), 3, size, size), &Device::Cpu)?;
        let embeddings = self.tower.forward(&pixels.to_device(self.tower.device())?)?;
        let embeddings: Vec<Embedding> = embeddings.to_vec2()?;
        if embeddings.iter().flatten().all(|number| number.is_finite()) {
            Ok(embeddings)
        } else {
            Err(ModelError::NotFinite)
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
        self.tower.device()
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
