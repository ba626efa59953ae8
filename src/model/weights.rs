//! Where the numbers of a model come from: a checkpoint file or a seed, behind candle's
//! `VarBuilder`, under open_clip's names.
//!
//! Nothing is ever filled in: a tensor that is missing, of another shape or type, or not finite is
//! an error that names file, tensor, what was expected and what was found.

mod checkpoint;
mod names;
pub mod seeded;

use std::path::{Path, PathBuf};

use candle_core::{CpuStorage, DType, Device, Shape, Storage, Tensor};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};
use checkpoint::Checkpoint;
use rayon::prelude::*;

/// Why a model has no weights.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be opened.
    #[error("{}: the weights cannot be opened: {reason}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is no checkpoint.
    #[error(
        "{}: not a checkpoint that can be read: {reason}; expected a .safetensors file or a \
         PyTorch state dict", path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// The file has no CLIP vision tower, under no naming that is known.
    #[error(
        "{}: no CLIP vision tower in it: neither open_clip's `visual.conv1.weight` nor Hugging \
         Face's `vision_model.embeddings.class_embedding`; it has {found}", path.display()
    )]
    UnknownNames {
        /// The file.
        path: PathBuf,
        /// A few of the names it has.
        found: String,
    },
    /// A tensor of the tower is not in the file.
    #[error("{}: tensor `{tensor}` is missing; expected shape {expected:?}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// Shape that the model needs.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the model.
    #[error("{}: tensor `{tensor}` has shape {found:?}, expected {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// Shape that the model needs.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has a type that holds no weights.
    #[error("{}: tensor `{tensor}` has type {found}, expected F32, F16 or BF16", path.display())]
    Type {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// Type in the file.
        found: String,
    },
    /// A tensor of a pickle is a part of another one.
    #[error(
        "{}: tensor `{tensor}` is a view into another, expected one of its own; save the state \
         dict with cloned tensors, or as safetensors", path.display()
    )]
    View {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
    },
    /// A tensor holds NaN or infinity.
    #[error(
        "{}: tensor `{tensor}` holds {found} at element {index}, expected finite numbers; the \
         file is damaged", path.display()
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// First element (row-major) that is not finite.
        index: usize,
        /// NaN, inf or -inf.
        found: f32,
    },
}

/// Weights of a model under open_clip's names (`visual. …` for the vision tower), in f32 on the CPU.
trait TowerWeights: Send + Sync {
    /// The tensor `name` of shape `expected`.
    fn tensor(&self, name: &str, expected: &[usize]) -> candle_core::Result<Tensor>;

    /// Whether there is a tensor `name`.
    fn contains(&self, name: &str) -> bool;
}

/// The weights in the checkpoint at `path`, for a model of `dtype` on `device`; safetensors are
/// mapped, and of either format only the tensors that are asked for are read.
///
/// # Errors
/// [`WeightsError`] when it is no checkpoint or holds no CLIP vision tower. Each tensor is checked
/// when it is taken, and its error has a [`WeightsError`] as its source.
pub fn from_file(
    path: &Path,
    dtype: DType,
    device: &Device,
) -> Result<VarBuilder<'static>, WeightsError> {
    let checkpoint = Checkpoint::open(path)?;
    let named = names::Named::new(checkpoint)?;
    Ok(VarBuilder::from_backend(Box::new(Backend(named)), dtype, device.clone()))
}

/// The weights of the tag `random`, see [`seeded`].
pub fn random(dtype: DType, device: &Device) -> VarBuilder<'static> {
    let seeded = seeded::Seeded { seed: seeded::SEED };
    VarBuilder::from_backend(Box::new(Backend(seeded)), dtype, device.clone())
}

/// Makes [`TowerWeights`] what candle's `VarBuilder` stands on.
struct Backend<W>(W);

impl<W: TowerWeights> SimpleBackend for Backend<W> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        // What to fill a missing tensor with: never.
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let tensor = self.0.tensor(name, shape.dims())?;
        if dtype == DType::F32 {
            return tensor.to_device(device);
        }
        let tensor = tensor.to_dtype(dtype)?;
        // A number that f32 holds may be too large for f16.
        if let Some((index, found)) = first_not_finite(&tensor.to_dtype(DType::F32)?) {
            candle_core::bail!(
                "tensor `{name}`: element {index} becomes {found} in {dtype:?}; use --precision f32"
            );
        }
        tensor.to_device(device)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("tensor {name} was asked for without a shape to hold it against")
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The first element of a contiguous f32 tensor on the CPU that is NaN or infinite.
fn first_not_finite(tensor: &Tensor) -> Option<(usize, f32)> {
    let (storage, _) = tensor.storage_and_layout();
    let Storage::Cpu(CpuStorage::F32(numbers)) = &*storage else { return None };
    // Chunks without a branch for each number: this passes over all the weights at each start.
    let finite = |chunk: &[f32]| chunk.iter().fold(true, |all, number| all & number.is_finite());
    if numbers.par_chunks(1 << 16).all(finite) {
        return None;
    }
    let index = numbers.iter().position(|number| !number.is_finite())?;
    Some((index, numbers[index]))
}
