//! Where the model computes, and in which type.

use candle_core::{DType, Device};

use crate::kernels::{Isa, Kernels};

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
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats.
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    Bf16,
    /// Whole numbers of 8 bits in units of rows and columns, on a CPU.
    Int8,
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
    /// An instruction set that the CPU has not.
    #[error("this processor has no {0}; use auto, which takes the widest that it has")]
    Isa(Isa),
    /// A type that the CPU does not compute in.
    #[error(
        "this device does not compute in {0}: f16 takes a GPU (--device cuda), bf16 a GPU or a processor \
         with AVX512_BF16, and int8 a processor with AVX512_VNNI (--device cpu); use --precision f32, or \
         auto"
    )]
    Precision(Precision),
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

impl Precision {
    /// Bytes of a weight of a layer. Of ViT-B-32's 88 million numbers half a million stay f32 in any.
    pub fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Int8 => 1,
        }
    }

    /// candle's name of the type, if a GPU computes in it.
    ///
    /// # Errors
    /// [`DeviceError`] if not.
    pub fn on_gpu(self) -> Result<DType, DeviceError> {
        match self {
            Self::F32 => Ok(DType::F32),
            Self::F16 => Ok(DType::F16),
            Self::Bf16 => Ok(DType::BF16),
            Self::Int8 => Err(DeviceError::Precision(self)),
        }
    }

    /// Whether `kernels` compute in it.
    pub fn has_kernels(self, kernels: &Kernels) -> bool {
        match self {
            Self::F32 => true,
            Self::F16 => false,
            Self::Bf16 => kernels.have_bf16(),
            Self::Int8 => kernels.have_int8(),
        }
    }
}

/// Opens the device.
///
/// # Errors
/// [`DeviceError`] when a GPU was asked for and there is none.
pub fn open(choice: DeviceChoice) -> Result<Device, DeviceError> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda => first_gpu(),
        DeviceChoice::Auto => Ok(first_gpu().unwrap_or_else(|error| {
            tracing::debug!(reason = %error, "no GPU is used");
            Device::Cpu
        })),
    }
}

/// The kernels of `isa`, or of the widest instruction set that this processor has, for a model of
/// `precision`.
///
/// # Errors
/// [`DeviceError`] when the processor has not what that takes.
pub fn kernels(isa: Option<Isa>, precision: Precision) -> Result<Kernels, DeviceError> {
    let kernels = match isa {
        None => Kernels::best(),
        Some(isa) => Kernels::of(isa).ok_or(DeviceError::Isa(isa))?,
    };
    if precision.has_kernels(&kernels) {
        Ok(kernels)
    } else {
        Err(DeviceError::Precision(precision))
    }
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
