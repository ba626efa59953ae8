//! The CPU's hot path: the arithmetic of the forward pass on slices of f32 and of the resize on
//! bytes, for each instruction set, chosen when the process starts. Knows neither models nor
//! tensors.
//!
//! Each algorithm is written once over [`vector::Vector`] or [`samples::Samples`]; a file for each
//! instruction set says how wide its tiles are and switches the instructions on. [`Kernels`] is
//! what the rest of the house sees: safe functions that check their slices. Matrices stand in
//! panels, see [`matmul`].
#![allow(unsafe_code, reason = "instruction sets, and pointers that were checked once")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bf16;
pub mod crew;
pub mod int8;
pub mod matmul;
pub mod memory;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod panels;
mod portable;
mod product;
pub mod resample;
mod rows;
mod samples;
mod switch;
mod vector;
// libjpeg-turbo has its own.
#[cfg(not(feature = "libjpeg-turbo"))]
pub(crate) mod words;

pub use bf16::Bf16;
pub use int8::{FindUnits, Int8};
pub use matmul::Matmul;
pub use panels::{Panels, PanelsMut};
pub use product::Number;
pub use resample::Resample;
pub use rows::{Moments, Normalize};

/// An instruction set that the kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512F.
    Avx512,
    /// AVX2 with FMA.
    Avx2,
    /// 64-bit Arm's.
    Neon,
    /// None in particular.
    Portable,
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2 with FMA",
            Self::Neon => "NEON",
            Self::Portable => "instruction set in particular",
        })
    }
}

/// The non-linearity of a model's MLPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x * Phi(x)`.
    Gelu,
    /// `x * sigmoid(1.702 x)`.
    QuickGelu,
}

/// The kernels of one instruction set, which this processor has.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    isa: Isa,
    panel: usize,
    matmul: unsafe fn(&mut Matmul<'_>),
    moments: unsafe fn(&mut Moments<'_>),
    normalize: unsafe fn(&mut Normalize<'_>),
    softmax: unsafe fn(&mut [f32], usize, usize),
    activate: unsafe fn(Activation, &mut [f32]),
    resample: unsafe fn(&mut Resample<'_>),
    halves: Option<Halves>,
    bytes: Option<Bytes>,
}

/// The kernels of matrices in bf16.
#[derive(Clone, Copy, Debug)]
struct Halves {
    matmul: unsafe fn(&mut Matmul<'_, Bf16>),
    narrow: unsafe fn(&[f32], &mut [Bf16]),
}

/// The kernels of matrices in int8.
#[derive(Clone, Copy, Debug)]
struct Bytes {
    matmul: unsafe fn(&mut Matmul<'_, Int8>),
    find_units: unsafe fn(&mut FindUnits<'_>),
    quantize: unsafe fn(&[f32], &[f32], &mut [Int8]),
}

impl Kernels {
    /// The kernels of `isa`, if this processor has it.
    pub fn of(isa: Isa) -> Option<Self> {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f").then(Self::avx512),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
                .then_some(avx2::KERNELS),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => Some(neon::KERNELS),
            Isa::Portable => Some(portable::KERNELS),
            #[allow(unreachable_patterns, reason = "which are left depends on the target")]
            _ => None,
        }
    }

    /// With what else this processor has, which has AVX-512F.
    #[cfg(target_arch = "x86_64")]
    fn avx512() -> Self {
        let halves = is_x86_feature_detected!("avx512bf16").then_some(avx512::HALVES);
        let vnni = is_x86_feature_detected!("avx512vnni");
        let bytes = vnni.then_some(avx512::BYTES);
        let narrower = || Self::of(Isa::Avx2).unwrap_or(portable::KERNELS).resample;
        let has_resample = vnni && is_x86_feature_detected!("avx512bw");
        let resample = if has_resample { avx512::RESAMPLE } else { narrower() };
        Self { halves, bytes, resample, ..avx512::KERNELS }
    }

    /// Those of the widest instruction set that this processor has.
    pub fn best() -> Self {
        let known = [Isa::Avx512, Isa::Avx2, Isa::Neon].into_iter();
        known.filter_map(Self::of).next().unwrap_or(portable::KERNELS)
    }

    /// Which instruction set it is.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Columns of a panel.
    pub fn panel(&self) -> usize {
        self.panel
    }

    /// Computes `task`.
    ///
    /// # Panics
    /// Where a slice is too short.
    pub fn matmul(&self, mut task: Matmul<'_>) {
        task.check(self.panel);
        // SAFETY: the processor has the instruction set, or there would be no `Kernels` of it; the
        // slices have been checked.
        unsafe { (self.matmul)(&mut task) }
    }

    /// Whether there are kernels of matrices in bf16.
    pub fn have_bf16(&self) -> bool {
        self.halves.is_some()
    }

    fn halves(&self) -> Halves {
        self.halves.expect("callers ask `have_bf16` before they make numbers in bf16")
    }

    /// Computes `task` in bf16; sums and what comes out are f32.
    ///
    /// # Panics
    /// Where a slice is too short, or there are no kernels for bf16.
    pub fn matmul_bf16(&self, mut task: Matmul<'_, Bf16>) {
        task.check(self.panel);
        // SAFETY: as above.
        unsafe { (self.halves().matmul)(&mut task) }
    }

    /// The nearest numbers in bf16.
    ///
    /// # Panics
    /// Where the slices differ in length, are no whole number of rows of a panel, or there are no
    /// kernels for bf16.
    pub fn narrow(&self, numbers: &[f32], halves: &mut [Bf16]) {
        assert_eq!(numbers.len(), halves.len(), "a half for each number");
        assert!(numbers.len().is_multiple_of(self.panel), "numbers are whole panels");
        // SAFETY: as above.
        unsafe { (self.halves().narrow)(numbers, halves) }
    }

    /// Whether there are kernels of matrices in int8.
    pub fn have_int8(&self) -> bool {
        self.bytes.is_some()
    }

    fn bytes(&self) -> Bytes {
        self.bytes.expect("callers ask `have_int8` before they make numbers in int8")
    }

    /// Computes `task` in int8; what comes out is f32.
    ///
    /// # Panics
    /// Where a slice is too short, the depth too large for exact sums, or there are no kernels for
    /// int8.
    pub fn matmul_int8(&self, mut task: Matmul<'_, Int8>) {
        task.check(self.panel);
        // SAFETY: as above.
        unsafe { (self.bytes().matmul)(&mut task) }
    }

    /// Finds the units of `task`'s rows.
    ///
    /// # Panics
    /// Where a slice is too short, or there are no kernels for int8.
    pub fn find_units(&self, mut task: FindUnits<'_>) {
        task.check(self.panel);
        // SAFETY: as above.
        unsafe { (self.bytes().find_units)(&mut task) }
    }

    /// A panel's numbers, `[rows][panel]`, as the nearest multiples of their rows' units.
    ///
    /// # Panics
    /// Where the slices are not of a panel for each unit, or there are no kernels for int8.
    pub fn quantize(&self, numbers: &[f32], units: &[f32], bytes: &mut [Int8]) {
        let len = units.len() * self.panel;
        assert!(numbers.len() == len && bytes.len() == len, "rows are whole panels");
        // SAFETY: as above.
        unsafe { (self.bytes().quantize)(numbers, units, bytes) }
    }

    /// Computes `task`.
    ///
    /// # Panics
    /// Where a slice is too short.
    pub fn moments(&self, mut task: Moments<'_>) {
        task.check(self.panel);
        // SAFETY: as above.
        unsafe { (self.moments)(&mut task) }
    }

    /// Computes `task`.
    ///
    /// # Panics
    /// Where a slice is too short.
    pub fn normalize(&self, mut task: Normalize<'_>) {
        task.check(self.panel);
        // SAFETY: as above.
        unsafe { (self.normalize)(&mut task) }
    }

    /// Softmax over each of `rows` rows of `scores`, `[panels][rows][panel]`.
    ///
    /// # Panics
    /// Where `scores` is no whole number of panels.
    pub fn softmax(&self, scores: &mut [f32], rows: usize) {
        let panel = rows * self.panel;
        assert!(panel > 0 && scores.len().is_multiple_of(panel), "scores are whole panels");
        // SAFETY: as above.
        unsafe { (self.softmax)(scores, scores.len() / panel, rows) }
    }

    /// Applies `activation` to each number.
    ///
    /// # Panics
    /// Where `numbers` are no whole number of rows of a panel.
    pub fn activate(&self, activation: Activation, numbers: &mut [f32]) {
        assert!(numbers.len().is_multiple_of(self.panel), "numbers are whole panels");
        // SAFETY: as above.
        unsafe { (self.activate)(activation, numbers) }
    }

    /// Computes `task`: the same bytes with every instruction set.
    ///
    /// # Panics
    /// Where a slice has not the length that the numbers say, where windows are not in order or
    /// weights too large.
    pub fn resample(&self, mut task: Resample<'_>) {
        task.check();
        // SAFETY: as above.
        unsafe { (self.resample)(&mut task) }
    }
}

#[cfg(test)]
mod tests;
