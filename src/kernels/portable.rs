//! Plain Rust: a tile of 4 rows and 16 columns, for whatever registers there are.

use super::{
    Bytes, Halves, Isa, Kernels,
    bf16::Bf16,
    matmul,
    matmul::Matmul,
    product::{PortableFours, PortablePairs},
    resample::{Resample, plain},
    switch::{switched_on, switched_on_int8},
    vector::{Vector, portable::Portable},
};

/// Registers across a tile.
const ACROSS: usize = 2;

/// Rows of a tile at most.
const ROWS: usize = 4;

pub(super) const KERNELS: Kernels = Kernels {
    isa: Isa::Portable,
    panel: ACROSS * Portable::LANES,
    matmul,
    moments,
    normalize,
    softmax,
    activate,
    resample,
    halves: Some(Halves { matmul: matmul_of_halves, narrow }),
    bytes: Some(Bytes { matmul: matmul_of_bytes, find_units, quantize }),
};

switched_on!(Portable, ACROSS, ROWS);

switched_on_int8!(PortableFours, Portable, ACROSS, ROWS);

/// # Safety
/// As [`matmul::matmul`].
unsafe fn matmul_of_halves(task: &mut Matmul<'_, Bf16>) {
    // SAFETY: handed on.
    unsafe { matmul::matmul::<PortablePairs, ACROSS, ROWS>(task) }
}

/// # Safety
/// None.
unsafe fn narrow(numbers: &[f32], halves: &mut [Bf16]) {
    for (half, number) in halves.iter_mut().zip(numbers) {
        *half = (*number).into();
    }
}

/// # Safety
/// None.
unsafe fn resample(task: &mut Resample<'_>) {
    plain::resample(task);
}
