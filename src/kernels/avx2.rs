//! AVX2 with FMA: 12 of the 16 registers hold a tile of 6 rows and 16 columns.

use super::{
    Activation, Isa, Kernels, matmul,
    matmul::Matmul,
    product::Single,
    resample::{Resample, fused},
    rows,
    rows::{Moments, Normalize},
    samples,
    vector::{Vector, avx2::Avx2},
};

/// Registers across a tile.
const ACROSS: usize = 2;

/// Rows of a tile at most.
const ROWS: usize = 6;

pub(super) const KERNELS: Kernels = Kernels {
    isa: Isa::Avx2,
    panel: ACROSS * Avx2::LANES,
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
#[target_feature(enable = "avx2,fma")]
unsafe fn matmul(task: &mut Matmul<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { matmul::matmul::<Single<Avx2>, ACROSS, ROWS>(task) }
}

/// # Safety
/// As [`rows::moments`].
#[target_feature(enable = "avx2,fma")]
unsafe fn moments(task: &mut Moments<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::moments::<Avx2, ACROSS>(task) }
}

/// # Safety
/// As [`rows::normalize`].
#[target_feature(enable = "avx2,fma")]
unsafe fn normalize(task: &mut Normalize<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::normalize::<Avx2, ACROSS>(task) }
}

/// # Safety
/// As [`rows::softmax`].
#[target_feature(enable = "avx2,fma")]
unsafe fn softmax(scores: &mut [f32], panels: usize, rows: usize) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::softmax::<Avx2, ACROSS>(scores, panels, rows) }
}

/// # Safety
/// As [`rows::gelu`].
#[target_feature(enable = "avx2,fma")]
unsafe fn activate(activation: Activation, numbers: &mut [f32]) {
    // SAFETY: handed on, with the instruction set.
    unsafe {
        match activation {
            Activation::Gelu => rows::gelu::<Avx2>(numbers),
            Activation::QuickGelu => rows::quick_gelu::<Avx2>(numbers),
        }
    }
}

/// # Safety
/// As [`fused::resample`].
#[target_feature(enable = "avx2")]
unsafe fn resample(task: &mut Resample<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { fused::resample::<samples::avx2::Avx2, 2>(task) }
}
