//! The seeded weights of the tag `random`: full-size, no download, the same bits on every machine.
//!
//! Element i (row-major) of a tensor depends on its open_clip name, the seed and i alone, so that
//! any language can make it: `tests/reference/random_weights.py` is the definition. They embed
//! photos into numbers without meaning; they are for tests, benchmarks and trying the service.

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::TowerWeights;

/// Seed of the tag `random`.
pub const SEED: u64 = 0;

/// Increment of splitmix64: 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Elements that one thread makes at a time.
const CHUNK: usize = 1 << 16;

/// Weights from a seed; there is one for every name.
pub(super) struct Seeded {
    pub(super) seed: u64,
}

impl TowerWeights for Seeded {
    fn tensor(&self, name: &str, expected: &[usize]) -> candle_core::Result<Tensor> {
        Tensor::from_vec(tensor(name, expected, self.seed), expected, &Device::Cpu)
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

/// The elements, row-major, of the tensor called `name` of shape `shape`.
pub fn tensor(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
    let (offset, amplitude) = scale(name, shape);
    let state = fnv1a(name) ^ seed;
    let mut elements = vec![0f32; shape.iter().product()];
    elements.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, elements)| {
        for (i, element) in (1 + (chunk * CHUNK) as u64..).zip(elements) {
            let z = splitmix64(state.wrapping_add(i.wrapping_mul(GOLDEN)));
            // 24 bits are exact in f32: unit is in [-1, 1).
            let unit = (z >> 40) as f32 * (1.0 / (1 << 23) as f32) - 1.0;
            *element = offset + unit * amplitude;
        }
    });
    elements
}

/// Offset and amplitude of a tensor's elements: the spread that keeps activations near 1.
fn scale(name: &str, shape: &[usize]) -> (f32, f32) {
    let last = name.rsplit('.').next().unwrap_or(name);
    let module = name.strip_suffix(".weight").and_then(|rest| rest.rsplit('.').next());
    let inputs = |sizes: &[usize]| (3.0 / sizes.iter().product::<usize>() as f64).sqrt() as f32;
    if last.ends_with("logit_scale") {
        ((1.0f64 / 0.07).ln() as f32, 0.0)
    } else if module.is_some_and(|module| module.starts_with("ln_")) {
        (1.0, 0.1)
    } else if last.ends_with("bias") {
        (0.0, 0.02)
    } else if last.ends_with("class_embedding")
        || last.ends_with("positional_embedding")
        || name.ends_with("token_embedding.weight")
    {
        (0.0, 0.5)
    } else if name == "visual.proj" || name == "text_projection" {
        (0.0, inputs(&shape[..1]))
    } else {
        (0.0, inputs(&shape[1..]))
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The output function of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
fn splitmix64(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
