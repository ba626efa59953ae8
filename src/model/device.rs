//! Where the model computes, and in which type.

use candle_core::{DType, Device};

/// What the operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A GPU if this build and this machine have one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The first NVIDIA GPU, or an error.
    Cuda,
}

/// Type of weights and activations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats; the only one on a CPU.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16,
}

/// Why the model has no device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// Built without CUDA.
    #[error("this build is for the CPU alone; use cpu, or build with --features cuda")]
    NotBuilt,
    /// The driver found no GPU that can be used.
    #[error("no GPU can be used ({0}); check nvidia-smi, or use --device cpu")]
    NoGpu(String),
    /// A type that the CPU does not compute in.
    #[error("the CPU computes in f32, not in {0}; use --precision f32, or a GPU (--device cuda)")]
    Precision(Precision),
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

impl Precision {
    /// candle's name of the type.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32 => DType::F32,
            Self::F16 => DType::F16,
            Self::Bf16 => DType::BF16,
        }
    }
}

/// Opens the device for a model of `precision`.
///
/// # Errors
/// [`DeviceError`] when a GPU was asked for and there is none, or when the CPU cannot compute in
/// `precision`.
pub fn open(choice: DeviceChoice, precision: Precision) -> Result<Device, DeviceError> {
    let device = match choice {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda => first_gpu()?,
        DeviceChoice::Auto => first_gpu().unwrap_or_else(|error| {
            tracing::debug!(reason = %error, "no GPU is used");
            Device::Cpu
        }),
    };
    if device.is_cpu() && precision != Precision::F32 {
        return Err(DeviceError::Precision(precision));
    }
    Ok(device)
}

fn first_gpu() -> Result<Device, DeviceError> {
    if !candle_core::utils::cuda_is_available() {
        return Err(DeviceError::NotBuilt);
    }
    // A machine without NVIDIA's driver makes the CUDA library panic while it is loaded.
    crate::panics::tolerate(|| Device::new_cuda(0))
        .ok_or_else(|| DeviceError::NoGpu("NVIDIA's driver is not installed".to_owned()))?
        .map_err(|error| DeviceError::NoGpu(error.to_string()))
}
