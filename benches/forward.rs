//! The forward pass at several batch sizes, all cores on one batch, by each instruction set that this
//! machine has, beside candle-transformers' CLIP in the same run. All get normalised pixels and give
//! projected embeddings.

use std::thread;

use candle_core::{DType, Device, Tensor};
use candle_transformers::models::clip::vision_model::{ClipVisionConfig, ClipVisionTransformer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inference_service::{
    kernels::{Isa, Kernels, crew::Crew},
    model::{architecture::Activation, cpu::CpuTower, device::Precision, registry, weights},
};

const SIZE: usize = 224;
const EMBEDDING: usize = 512;

fn ours(activation: Activation, kernels: Kernels, precision: Precision) -> CpuTower {
    let spec = registry::resolve("ViT-B-32", "random").expect("it is in models/");
    let served = spec.with_config(None).expect("its architecture is known");
    let weights = weights::random(DType::F32, &Device::Cpu).pp("visual");
    CpuTower::new(&served.architecture, activation, (kernels, precision), &weights)
        .expect("seeded weights have every shape")
}

/// candle's tower with QuickGELU, the only activation it has. Its names are others, so the seeded
/// numbers are too; the work is the same.
fn theirs() -> (ClipVisionTransformer, Tensor) {
    let weights = weights::random(DType::F32, &Device::Cpu);
    let config = ClipVisionConfig::vit_base_patch32();
    let tower = ClipVisionTransformer::new(weights.pp("vision_model"), &config)
        .expect("seeded weights have every shape");
    let projection = weights.get((512, 768), "visual_projection.weight").expect("likewise");
    (tower, projection)
}

fn bench(criterion: &mut Criterion, name: &str, mut run: impl FnMut(&[&[f32]])) {
    let image: Vec<f32> = (0..3 * SIZE * SIZE).map(|i| (i % 251) as f32 / 62.5 - 2.).collect();
    let mut group = criterion.benchmark_group("forward");
    group.sample_size(10);
    for batch in [1, 4, 8, 32] {
        let images = vec![&image[..]; batch];
        group.throughput(Throughput::Elements(batch as u64));
        group
            .bench_function(BenchmarkId::new(name, batch), |bencher| bencher.iter(|| run(&images)));
    }
    group.finish();
}

fn forward(criterion: &mut Criterion) {
    #[allow(clippy::disallowed_methods, reason = "a benchmark has no settings")]
    let helpers = thread::available_parallelism().map_or(0, |cores| cores.get() - 1);
    for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable] {
        let Some(kernels) = Kernels::of(isa) else { continue };
        let precisions = [Precision::F32, Precision::Bf16, Precision::Int8].into_iter();
        for precision in precisions.filter(|precision| precision.has_kernels(&kernels)) {
            let tower = ours(Activation::Gelu, kernels, precision);
            let mut scratch = tower.scratch().expect("there is memory for one worker");
            let name = format!("{isa:?} {precision}");
            let mut embeddings = vec![0.; 32 * EMBEDDING];
            let crew = Crew::new();
            thread::scope(|scope| {
                for _ in 0..helpers {
                    scope.spawn(|| crew.help(|| false));
                }
                crew.lead(|| {
                    bench(criterion, &name, |images| {
                        let embeddings = &mut embeddings[..images.len() * EMBEDDING];
                        tower.forward(images, &crew, &mut scratch, embeddings);
                    });
                });
            });
        }
    }
    let (tower, projection) = theirs();
    bench(criterion, "candle_transformers", |images| {
        let shape = (images.len(), 3, SIZE, SIZE);
        let pixels = Tensor::from_vec(images.concat(), shape, &Device::Cpu);
        let run = || pixels?.apply(&tower)?.matmul(&projection.t()?);
        run().expect("the forward pass succeeds");
    });
}

criterion_group!(benches, forward);
criterion_main!(benches);
