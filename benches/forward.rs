//! The forward pass at several batch sizes, beside candle-transformers' CLIP in the same run. Both
//! get normalised pixels and give projected embeddings.

use candle_core::{DType, Device, Module, Tensor};
use candle_transformers::models::clip::vision_model::{ClipVisionConfig, ClipVisionTransformer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use inference_service::model::{
    architecture::Activation, registry, vision::VisionTransformer, weights,
};

fn ours(activation: Activation) -> VisionTransformer {
    let spec = registry::resolve("ViT-B-32", "random").expect("it is in models/");
    let served = spec.with_config(None).expect("its architecture is known");
    let weights = weights::random(DType::F32, &Device::Cpu).pp("visual");
    VisionTransformer::new(&served.architecture, activation, weights)
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

fn forward(criterion: &mut Criterion) {
    let (quick_gelu, gelu) = (ours(Activation::QuickGelu), ours(Activation::Gelu));
    let (tower, projection) = theirs();
    let mut group = criterion.benchmark_group("forward");
    group.sample_size(10);
    for batch in [1, 8, 32] {
        let pixels = Tensor::randn(0f32, 1., (batch, 3, 224, 224), &Device::Cpu)
            .expect("a small tensor fits in memory");
        group.throughput(Throughput::Elements(batch as u64));
        let mut bench = |name: &str, run: &dyn Fn() -> candle_core::Result<Tensor>| {
            group.bench_function(BenchmarkId::new(name, batch), |bencher| {
                bencher.iter(|| run().expect("the forward pass succeeds"));
            });
        };
        bench("quick_gelu", &|| quick_gelu.forward(&pixels));
        bench("gelu", &|| gelu.forward(&pixels));
        bench("candle_transformers", &|| tower.forward(&pixels)?.matmul(&projection.t()?));
    }
    group.finish();
}

criterion_group!(benches, forward);
criterion_main!(benches);
