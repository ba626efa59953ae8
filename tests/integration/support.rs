//! What several tests need: the reference images with what the Python stack gives for them, the
//! seeded model, and comparisons of embeddings.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use inference_service::{
    embedder::preprocess_for,
    kernels::Kernels,
    model::{
        Embedding, Model, ModelOptions,
        architecture::Activation,
        device::{DeviceChoice, Precision},
        registry,
    },
    preprocess::{DecodeOptions, ExifOrientation, Preprocess},
};
use serde::Deserialize;

/// Pillow's own limit, the default of `--max-image-pixels`.
pub const DECODE: DecodeOptions =
    DecodeOptions { max_pixels: 178_956_970, exif_orientation: ExifOrientation::Ignore };

/// `tests/reference/expected/embeddings.json`.
#[derive(Deserialize)]
pub struct Expected {
    /// By activation, then by image.
    pub embeddings: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
    /// Of the seeded weights, both towers.
    pub tensors: BTreeMap<String, ExpectedTensor>,
}

/// A seeded tensor.
#[derive(Deserialize)]
pub struct ExpectedTensor {
    pub shape: Vec<usize>,
    /// Of its little-endian f32 bytes.
    pub sha256: String,
}

/// What the Python stack gave.
pub fn expected() -> &'static Expected {
    static EXPECTED: OnceLock<Expected> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let text = fs::read(reference().join("expected/embeddings.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    })
}

/// The folder of everything that the Python stack made.
pub fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

/// A reference image.
pub fn image(name: &str) -> Vec<u8> {
    fs::read(reference().join("images").join(name)).unwrap()
}

/// Full-size ViT-B-32 with the seeded weights, made once.
pub fn seeded_model(activation: Activation) -> &'static Model {
    static MODELS: [OnceLock<Model>; 2] = [const { OnceLock::new() }; 2];
    MODELS[activation as usize].get_or_init(|| {
        let spec = registry::resolve("ViT-B-32", "random").unwrap();
        Model::load(spec, &options(Some(activation))).unwrap()
    })
}

/// On the CPU in f32.
pub fn options(activation: Option<Activation>) -> ModelOptions {
    ModelOptions { device: DeviceChoice::Cpu, precision: Precision::F32, isa: None, activation }
}

/// The way to ViT-B-32's pixels.
pub fn preprocess() -> Preprocess {
    let spec = registry::resolve("ViT-B-32", "random").unwrap();
    preprocess_for(&spec.with_config(None).unwrap().architecture, Kernels::best(), DECODE)
}

/// The embedding of an image's bytes.
pub fn embed(model: &Model, bytes: &[u8]) -> Embedding {
    let pixels = preprocess().pixels(bytes).unwrap();
    model.embed(&[pixels.as_slice()]).unwrap().remove(0)
}

/// Cosine of two vectors, in f64.
pub fn cosine<A: Into<f64> + Copy, B: Into<f64> + Copy>(a: &[A], b: &[B]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| a.into() * b.into()).sum();
    dot / (norm(a) * norm(b))
}

/// L2 norm, in f64.
pub fn norm<A: Into<f64> + Copy>(a: &[A]) -> f64 {
    a.iter().map(|&a| a.into() * a.into()).sum::<f64>().sqrt()
}

/// Largest difference between two vectors' numbers.
pub fn difference<A: Into<f64> + Copy, B: Into<f64> + Copy>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(&a, &b)| (a.into() - b.into()).abs()).fold(0.0, f64::max)
}
