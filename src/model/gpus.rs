//! The GPUs of the machine, as `GET /gpu-info` tells them; none in a build without CUDA.

use candle_core::Device;
use serde::Serialize;

/// One GPU.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Gpu {
    /// Number of the device.
    pub id: usize,
    /// Name of its type.
    pub name: String,
    /// Memory, in GiB.
    pub total_memory_gb: f64,
    /// Whether the model runs on it.
    pub current_device: bool,
}

/// What the driver shows.
#[derive(Clone, Debug, Default)]
pub struct Gpus {
    /// Newest CUDA that the driver serves, `major.minor`.
    pub cuda_version: Option<String>,
    /// Every GPU.
    pub devices: Vec<Gpu>,
}

impl Gpus {
    /// The GPUs of this machine; `model` is where the model runs. A machine without a driver has
    /// none.
    pub fn find(model: &Device) -> Self {
        ask(model.is_cuda())
    }
}

#[cfg(not(feature = "cuda"))]
fn ask(_model_on_gpu: bool) -> Gpus {
    Gpus::default()
}

#[cfg(feature = "cuda")]
fn ask(model_on_gpu: bool) -> Gpus {
    // The CUDA library panics where it is loaded without a driver.
    match crate::panics::tolerate(|| driver::list(model_on_gpu)) {
        Some(Ok(gpus)) => gpus,
        Some(Err(error)) => {
            tracing::debug!(%error, "the GPUs cannot be listed");
            Gpus::default()
        }
        None => Gpus::default(),
    }
}

#[cfg(feature = "cuda")]
mod driver {
    use candle_core::cuda_backend::cudarc::driver::{
        DriverError,
        result::{self, device},
        sys,
    };

    use super::{Gpu, Gpus};

    pub fn list(model_on_gpu: bool) -> Result<Gpus, DriverError> {
        result::init()?;
        let gpu = |id| gpu(id, model_on_gpu);
        let devices = (0..device::get_count()?).map(gpu).collect::<Result<_, _>>()?;
        Ok(Gpus { cuda_version: Some(version()?), devices })
    }

    #[allow(unsafe_code, reason = "the driver's C interface")]
    fn gpu(id: i32, model_on_gpu: bool) -> Result<Gpu, DriverError> {
        let handle = device::get(id)?;
        // SAFETY: the handle is the driver's own, of the line before.
        let bytes = unsafe { device::total_mem(handle)? };
        Ok(Gpu {
            id: id.unsigned_abs() as usize,
            name: device::get_name(handle)?,
            total_memory_gb: bytes as f64 / f64::from(1 << 30),
            // `device::open` takes the first.
            current_device: model_on_gpu && id == 0,
        })
    }

    #[allow(unsafe_code, reason = "the driver's C interface")]
    fn version() -> Result<String, DriverError> {
        let mut version = 0;
        // SAFETY: the driver writes one integer, and that is what it is given.
        unsafe { sys::cuDriverGetVersion(&raw mut version) }.result()?;
        Ok(format!("{}.{}", version / 1000, version % 1000 / 10))
    }
}
