//! Where the model computes, and in which type: settings that depend on one another and on the machine.

use super::{reader::Reader, values};
use crate::{
    kernels::{Isa, Kernels},
    model::device::{self, DeviceChoice, DeviceError, Precision},
};

impl Reader {
    /// Device, type and instruction set.
    pub(super) fn device(&mut self) -> (DeviceChoice, Precision, Option<Isa>) {
        let device = self.read("device", values::one_of(&values::DEVICES));
        let precision = self.read("precision", values::one_of(&values::PRECISIONS));
        let isa = self.read("cpu-isa", values::one_of(&values::ISAS));
        // The one type that only CPUs compute in.
        let device = match (device, precision) {
            (DeviceChoice::Auto, Some(Precision::Int8)) => DeviceChoice::Cpu,
            _ => device,
        };
        let gpu_possible = device != DeviceChoice::Cpu && candle_core::utils::cuda_is_available();
        if device == DeviceChoice::Cuda && !gpu_possible {
            self.refuse("device", DeviceError::NotBuilt.to_string());
        }
        let on_cpu = |precision| device::kernels(isa, precision);
        let Some(precision) = precision else {
            // Plain Rust can, but slowly.
            let has = |kernels: Kernels| kernels.isa() != Isa::Portable;
            let bf16 = !gpu_possible && on_cpu(Precision::Bf16).is_ok_and(has);
            return (device, if bf16 { Precision::Bf16 } else { Precision::F32 }, isa);
        };
        if let (DeviceChoice::Cuda, Err(error)) = (device, precision.on_gpu()) {
            self.refuse("precision", error.to_string());
            return (device, precision, isa);
        }
        match on_cpu(precision) {
            Err(error @ DeviceError::Isa(_)) => self.refuse("cpu-isa", error.to_string()),
            Err(error) if !gpu_possible => self.refuse("precision", error.to_string()),
            _ => {}
        }
        (device, precision, isa)
    }
}
