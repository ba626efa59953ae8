//! The crop and the embedding of every reference image are those of Pillow, open_clip and PyTorch.

use std::{collections::HashMap, fs::File, io::BufReader, sync::Arc};

use inference_service::{
    model::{Model, weights::seeded},
    preprocess::{Format, Preprocess, probe},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{self, embed, preprocess, random_model, reference_images};

/// What the JPEG decoder of this build may cost: Pillow's own pixels, or a pure-Rust decoder's.
const JPEG_COSINE: f64 = 0.9999;

/// The figures for exact pixels.
const EXACT_COSINE: f64 = 0.999_999;
const EXACT_DIFFERENCE: f64 = 2e-5;
