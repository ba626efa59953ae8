//! A small tower whose sizes are no multiples of anything, on every instruction set and in every
//! precision that this machine has: near one another, and the same whatever was embedded before.

use candle_core::{DType, Device};
use inference_service::{
    kernels::{Isa, Kernels, crew::Crew},
    model::{
        architecture::{Activation, Architecture},
        cpu::CpuTower,
        device::Precision,
        registry, weights,
    },
};

use crate::support::cosine;

const EMBEDDING: usize = 72;

/// Patches of 588 numbers, heads of 40 columns, 26 tokens.
fn architecture() -> Architecture {
    let spec = registry::resolve("ViT-B-32", "random").unwrap();
    let mut architecture = spec.with_config(None).unwrap().architecture;
    architecture.embed_dim = EMBEDDING;
    let vision = &mut architecture.vision;
    (vision.image_size, vision.patch_size) = (70, 14);
    (vision.width, vision.heads) = (120, 3);
    (vision.layers, vision.mlp_width) = (3, 250);
    architecture
}

#[test]
fn sizes_with_tails_leave_nothing_behind() {
    let architecture = architecture();
    let image = |size: f32| -> Vec<f32> {
        (0..3 * 70 * 70).map(|i| ((i * 7919 % 251) as f32 / 62.5 - 2.) * size).collect()
    };
    let (image, loud) = (image(1.), image(1e6));
    let mut exact = None;
    for isa in [Isa::Portable, Isa::Avx512, Isa::Avx2, Isa::Neon] {
        let Some(kernels) = Kernels::of(isa) else { continue };
        for (precision, least) in
            [(Precision::F32, 0.999_999), (Precision::Bf16, 0.999), (Precision::Int8, 0.999)]
        {
            if !precision.has_kernels(&kernels) {
                continue;
            }
            let weights = weights::random(DType::F32, &Device::Cpu).pp("visual");
            let on = (kernels, precision);
            let tower = CpuTower::new(&architecture, Activation::Gelu, on, &weights).unwrap();
            let (crew, mut scratch) = (Crew::new(), tower.scratch().unwrap());
            let mut embed = |images: &[&[f32]]| {
                let mut embeddings = vec![0.; images.len() * EMBEDDING];
                tower.forward(images, &crew, &mut scratch, &mut embeddings);
                embeddings
            };
            let first = embed(&[&image]);
            embed(&[&loud, &image, &loud, &loud, &loud]);
            assert_eq!(embed(&[&image]), first, "{isa:?} {precision}");
            assert_eq!(&embed(&[&loud, &image])[EMBEDDING..], first, "{isa:?} {precision}");
            let cosine = cosine(exact.get_or_insert_with(|| first.clone()), &first);
            assert!(cosine >= least, "{isa:?} {precision}: {cosine}");
        }
    }
}
