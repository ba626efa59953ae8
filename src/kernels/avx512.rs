//! AVX-512F: 28 of the 32 registers hold a tile of 14 rows and 32 columns.

use super::{
    Bytes, Halves, Isa, Kernels,
    bf16::Bf16,
    matmul,
    matmul::Matmul,
    portable,
    resample::{Resample, fused},
    samples,
    switch::{switched_on, switched_on_int8},
    vector::{
        Vector,
        avx512::{Avx512, Fours, Pairs},
    },
};

/// Registers across a tile.
const ACROSS: usize = 2;

/// Rows of a tile at most.
const ROWS: usize = 14;

pub(super) const KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    panel: ACROSS * Avx512::LANES,
    matmul,
    moments,
    normalize,
    softmax,
    activate,
    // As `halves`, more than AVX-512F.
    resample: portable::KERNELS.resample,
    halves: None,
    bytes: None,
};

/// For processors that also have AVX512_BF16.
pub(super) const HALVES: Halves = Halves { matmul: matmul_of_halves, narrow };

/// For processors that also have AVX512_VNNI.
pub(super) const BYTES: Bytes = Bytes { matmul: matmul_of_bytes, find_units, quantize };

/// For processors that also have AVX512BW and AVX512_VNNI.
pub(super) const RESAMPLE: unsafe fn(&mut Resample<'_>) = resample;

switched_on!(
    #[target_feature(enable = "avx512f")]
    Avx512,
    ACROSS,
    ROWS
);

switched_on_int8!(
    #[target_feature(enable = "avx512f,avx512vnni")]
    Fours,
    Avx512,
    ACROSS,
    ROWS
);

/// # Safety
/// As [`matmul::matmul`].
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn matmul_of_halves(task: &mut Matmul<'_, Bf16>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { matmul::matmul::<Pairs, ACROSS, ROWS>(task) }
}

/// # Safety
/// The slices must be equally long, by a multiple of the lanes.
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn narrow(numbers: &[f32], halves: &mut [Bf16]) {
    let numbers = numbers.chunks_exact(Avx512::LANES);
    for (numbers, halves) in numbers.zip(halves.chunks_exact_mut(Avx512::LANES)) {
        // SAFETY: a chunk has as many numbers as a register has lanes.
        unsafe { Avx512::load(numbers.as_ptr()).narrow(halves.as_mut_ptr()) }
    }
}

/// # Safety
/// As [`fused::resample`].
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
unsafe fn resample(task: &mut Resample<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { fused::resample::<samples::avx512::Avx512, 3>(task) }
}
