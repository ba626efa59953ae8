//! Plain Rust: a tile of 4 rows and 16 columns, for whatever registers there are.

use super::{
    Activation, Bytes, Halves, Isa, Kernels,
    bf16::Bf16,
    int8,
    int8::{FindUnits, Int8},
    matmul,
    matmul::Matmul,
    product::{PortableFours, PortablePairs, Single},
    resample::{Resample, plain},
    rows,
    rows::{Moments, Normalize},
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

/// # Safety
/// As [`matmul::matmul`].
unsafe fn matmul(task: &mut Matmul<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { matmul::matmul::<Single<Portable>, ACROSS, ROWS>(task) }
}

/// # Safety
/// As [`rows::moments`].
unsafe fn moments(task: &mut Moments<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::moments::<Portable, ACROSS>(task) }
}

/// # Safety
/// As [`rows::normalize`].
unsafe fn normalize(task: &mut Normalize<'_>) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::normalize::<Portable, ACROSS>(task) }
}

/// # Safety
/// As [`rows::softmax`].
unsafe fn softmax(scores: &mut [f32], panels: usize, rows: usize) {
    // SAFETY: handed on, with the instruction set.
    unsafe { rows::softmax::<Portable, ACROSS>(scores, panels, rows) }
}

/// # Safety
/// As [`rows::gelu`].
unsafe fn activate(activation: Activation, numbers: &mut [f32]) {
    // SAFETY: handed on, with the instruction set.
    unsafe {
        match activation {
            Activation::Gelu => rows::gelu::<Portable>(numbers),
            Activation::QuickGelu => rows::quick_gelu::<Portable>(numbers),
        }
    }
}

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
/// As [`matmul::matmul`].
unsafe fn matmul_of_bytes(task: &mut Matmul<'_, Int8>) {
    // SAFETY: handed on.
    unsafe { matmul::matmul::<PortableFours, ACROSS, ROWS>(task) }
}

/// # Safety
/// As [`int8::find_units`].
unsafe fn find_units(task: &mut FindUnits<'_>) {
    // SAFETY: handed on.
    unsafe { int8::find_units::<Portable, ACROSS>(task) }
}

/// # Safety
/// As [`int8::quantize`].
unsafe fn quantize(numbers: &[f32], units: &[f32], bytes: &mut [Int8]) {
    // SAFETY: handed on.
    unsafe { int8::quantize::<Portable, ACROSS>(numbers, units, bytes) }
}

/// # Safety
/// None.
unsafe fn resample(task: &mut Resample<'_>) {
    plain::resample(task);
}
