//! The text tower against what open_clip gives, in both activations, alone and beside others; and
//! the tower of GPUs, which computes on a CPU as well.

use std::{collections::BTreeMap, sync::LazyLock};

use candle_core::{DType, Device};
use inference_service::{
    kernels::{Isa, Kernels, crew::Crew},
    model::{
        architecture::{Activation, TextConfig},
        cpu::CpuTextTower,
        device::Precision,
        registry,
        text::TextTransformer,
        weights,
    },
};
use serde::Deserialize;

use crate::support::{cosine, norm};

/// A text of `tests/reference/expected/text.json`.
#[derive(Deserialize)]
struct Text {
    name: String,
    ids: Vec<u32>,
    /// By activation, for some of the texts.
    embedding: Option<BTreeMap<String, Vec<f64>>>,
}

#[derive(Deserialize)]
struct Texts {
    logit_scale: BTreeMap<String, f64>,
    texts: Vec<Text>,
}

static EXPECTED: LazyLock<Texts> = LazyLock::new(|| {
    let path = crate::support::reference().join("expected/text.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
});

impl Text {
    /// Up to the end token.
    fn tokens(&self) -> &[u32] {
        let end = self.ids.iter().position(|&id| id == 49_407).unwrap();
        &self.ids[..=end]
    }
}

fn config() -> (TextConfig, usize) {
    let spec = registry::resolve("ViT-B-32", "random").unwrap();
    let architecture = spec.with_config(None).unwrap().architecture;
    (architecture.text.unwrap(), architecture.embed_dim)
}

/// Texts of which the Python stack told the embedding.
fn embedded(activation: Activation) -> Vec<(&'static Text, &'static [f64])> {
    let embedding = |text: &'static Text| {
        let embedding = text.embedding.as_ref()?.get(&activation.to_string())?;
        Some((text, &embedding[..]))
    };
    let texts: Vec<_> = EXPECTED.texts.iter().filter_map(embedding).collect();
    assert!(texts.len() >= 20, "{}", texts.len());
    texts
}

#[test]
fn embeddings_are_those_of_open_clip_alone_and_beside_others() {
    let (config, dim) = config();
    for activation in [Activation::Gelu, Activation::QuickGelu] {
        let weights = weights::random(DType::F32, &Device::Cpu);
        let on = (Kernels::best(), Precision::F32);
        let tower = CpuTextTower::new((&config, dim), activation, on, &weights).unwrap();
        let (crew, mut scratch) = (Crew::new(), tower.scratch().unwrap());
        let expected = embedded(activation);
        let tokens: Vec<_> = expected.iter().map(|(text, _)| text.tokens()).collect();
        let mut together = vec![0.; tokens.len() * dim];
        tower.forward(&tokens, &crew, &mut scratch, &mut together);
        let mut worst: f64 = 0.;
        for ((text, expected), together) in expected.iter().zip(together.chunks_exact(dim)) {
            let mut alone = vec![0.; dim];
            tower.forward(&[text.tokens()], &crew, &mut scratch, &mut alone);
            for found in [&alone, together] {
                let apart = 1. - cosine(found, expected);
                assert!(apart < 1e-9, "{activation} {}: {apart}", text.name);
                worst = worst.max(apart);
            }
        }
        println!("{activation}: 1 - cosine is at most {worst:.1e}");
    }
}

#[test]
fn every_instruction_set_and_precision_is_near() {
    let (config, dim) = config();
    let activation = Activation::Gelu;
    for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon] {
        let Some(kernels) = Kernels::of(isa) else { continue };
        for (precision, most) in
            [(Precision::F32, 1e-9), (Precision::Bf16, 1e-3), (Precision::Int8, 2e-3)]
        {
            if !precision.has_kernels(&kernels) {
                continue;
            }
            let weights = weights::random(DType::F32, &Device::Cpu);
            let on = (kernels, precision);
            let tower = CpuTextTower::new((&config, dim), activation, on, &weights).unwrap();
            let (crew, mut scratch) = (Crew::new(), tower.scratch().unwrap());
            for (text, expected) in embedded(activation).into_iter().take(8) {
                let mut found = vec![0.; dim];
                tower.forward(&[text.tokens()], &crew, &mut scratch, &mut found);
                let apart = 1. - cosine(&found, expected);
                assert!(apart < most, "{isa:?} {precision} {}: {apart}", text.name);
            }
        }
    }
}

#[test]
fn the_tower_of_gpus_gives_the_same() {
    let (config, dim) = config();
    let activation = Activation::QuickGelu;
    let weights = weights::random(DType::F32, &Device::Cpu);
    let tower = TextTransformer::new(&config, dim, activation, weights).unwrap();
    let expected: Vec<_> = embedded(activation).into_iter().take(6).collect();
    let tokens: Vec<_> = expected.iter().map(|(text, _)| text.tokens()).collect();
    let found = tower.forward(&tokens).unwrap().to_vec2::<f32>().unwrap();
    for ((text, expected), found) in expected.iter().zip(found) {
        assert!(norm(&found) > 0.);
        let apart = 1. - cosine(&found, expected);
        assert!(apart < 1e-9, "{}: {apart}", text.name);
    }
}

#[test]
fn the_temperature_is_the_checkpoints() {
    let weights = weights::random(DType::F32, &Device::Cpu);
    let found: f32 = weights.get((), "logit_scale").unwrap().to_scalar().unwrap();
    for expected in EXPECTED.logit_scale.values() {
        assert!((f64::from(found) - expected).abs() < 1e-6, "{found} {expected}");
    }
}
