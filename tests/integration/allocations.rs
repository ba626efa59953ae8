//! A forward pass on a CPU allocates nothing: what it writes has been there since its worker began.

use candle_core::{DType, Device};
use inference_service::{
    kernels::{Kernels, crew::Crew},
    model::{architecture::Activation, cpu::CpuTower, device::Precision, registry, weights},
};

use crate::allocator;

#[test]
fn a_forward_pass_allocates_nothing() {
    let spec = registry::resolve("ViT-B-32", "random").unwrap();
    let architecture = spec.with_config(None).unwrap().architecture;
    let weights = weights::random(DType::F32, &Device::Cpu).pp("visual");
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        let kernels = Kernels::best();
        if precision.has_kernels(&kernels) {
            let on = (kernels, precision);
            let tower = CpuTower::new(&architecture, Activation::Gelu, on, &weights).unwrap();
            allocates_nothing(&tower, precision);
        }
    }
}

fn allocates_nothing(tower: &CpuTower, precision: Precision) {
    let (crew, mut scratch) = (Crew::new(), tower.scratch().unwrap());
    let image = vec![0.5; 3 * 224 * 224];
    let images = [&image[..]; 5];
    let mut embeddings = vec![0.; 5 * 512];
    let counted = allocator::count(|| {
        tower.forward(&images, &crew, &mut scratch, &mut embeddings);
    });
    assert_eq!(counted.calls, 0, "{precision}");
    assert!(embeddings.iter().any(|number| *number != 0.));
}
