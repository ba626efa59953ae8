//! What a start waits for: making the seeded weights, checking them and building the tower.

use candle_core::{DType, Device};
use criterion::{Criterion, criterion_group, criterion_main};
use inference_service::{
    kernels::Kernels,
    model::{architecture::Activation, cpu::CpuTower, device::Precision, registry, weights},
};

fn load(criterion: &mut Criterion) {
    let spec = registry::resolve("ViT-B-32", "random").expect("it is in models/");
    let served = spec.with_config(None).expect("its architecture is known");
    let mut group = criterion.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("random", |bencher| {
        bencher.iter(|| {
            let weights = weights::random(DType::F32, &Device::Cpu).pp("visual");
            CpuTower::new(
                &served.architecture,
                Activation::QuickGelu,
                (Kernels::best(), Precision::F32),
                &weights,
            )
            .expect("seeded weights have every shape")
        });
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
