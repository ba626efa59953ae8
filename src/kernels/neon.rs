//! NEON: 24 of the 32 registers hold a tile of 6 rows and 16 columns.

use super::{
    Isa, Kernels,
    resample::{Resample, fused},
    samples,
    switch::switched_on,
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

switched_on!(
    #[target_feature(enable = "neon")]
    Neon,
    ACROSS,
    ROWS
);

/// # Safety
/// As [`fused::resample`].
#[target_feature(enable = "neon")]
unsafe fn resample(task: &mut Resample<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { fused::resample::<samples::neon::Neon, 1>(task) }
}
