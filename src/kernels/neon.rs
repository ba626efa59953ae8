//! NEON: 24 of the 32 registers hold a tile of 6 rows and 16 columns.

use super::{
    Activation, Isa, Kernels, matmul,
    matmul::Matmul,
    product::Single,
    resample::{Resample, fused},
    rows,
    rows::{Moments, Normalize},
    samples,
    vector::{Vector, neon::Neon},
};

/// Registers across a tile.
const ACROSS: usize = 4;

/// Rows of a tile at most.
const ROWS: usize = 6;

pub(super) const KERNELS: Kernels = Kernels {
    isa: Isa::Neon,
    panel: ACROSS * Neon::LANES,
    matmul,
    moments,
    normalize,
    softmax,
    activate,
    resample,
    halves: None,
    bytes: None,
};

/// # Safety
/// As [`matmul::matmul`].
#[target_feature(enable = "neon")]
unsafe fn matmul(task: &mut Matmul<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { matmul::matmul::<Single<Neon>, ACROSS, ROWS>(task) }
}

/// # Safety
/// As [`rows::moments`].
#[target_feature(enable = "neon")]
unsafe fn moments(task: &mut Moments<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::moments::<Neon, ACROSS>(task) }
}

/// # Safety
/// As [`rows::normalize`].
#[target_feature(enable = "neon")]
unsafe fn normalize(task: &mut Normalize<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::normalize::<Neon, ACROSS>(task) }
}

/// # Safety
/// As [`rows::softmax`].
#[target_feature(enable = "neon")]
unsafe fn softmax(scores: &mut [f32], panels: usize, rows: usize) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::softmax::<Neon, ACROSS>(scores, panels, rows) }
}

/// # Safety
/// As [`rows::gelu`].
#[target_feature(enable = "neon")]
unsafe fn activate(activation: Activation, numbers: &mut [f32]) {
    // SAFETY: handed on, with the instruction set.
    unsafe {
        match activation {
            Activation::Gelu => rows::gelu::<Neon>(numbers),
            Activation::QuickGelu => rows::quick_gelu::<Neon>(numbers),
        }
    }
}

/// # Safety
/// As [`fused::resample`].
#[target_feature(enable = "neon")]
unsafe fn resample(task: &mut Resample<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { fused::resample::<samples::neon::Neon, 1>(task) }
}
