//! AVX2 with FMA: 12 of the 16 registers hold a tile of 6 rows and 16 columns.

use super::{
    Isa, Kernels,
    resample::{Resample, fused},
    samples,
    switch::switched_on,
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

switched_on!(
    #[target_feature(enable = "avx2,fma")]
    Avx2,
    ACROSS,
    ROWS
);

/// # Safety
/// As [`fused::resample`].
#[target_feature(enable = "avx2")]
unsafe fn resample(task: &mut Resample<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { fused::resample::<samples::avx2::Avx2, 2>(task) }
}
