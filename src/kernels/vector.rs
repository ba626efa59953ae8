//! What an instruction set must bring so that the algorithms of this module, which are written
//! once, run on it: a register of f32 lanes.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
pub(super) mod portable;

/// A register of [`LANES`](Vector::LANES) f32 numbers.
///
/// # Safety
/// Every method needs a processor with the instruction set that the type is for, and is inlined
/// into a function that has it switched on. Pointers point to `LANES` numbers, aligned or not.
pub(super) trait Vector: Copy {
    /// Numbers in a register.
    const LANES: usize;

    /// `number` in every lane.
    unsafe fn splat(number: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// Where a lane is no number, that of `other`.
    unsafe fn min(self, other: Self) -> Self;
    /// Likewise.
    unsafe fn max(self, other: Self) -> Self;
    /// `self + a * b`, rounded once where the processor can.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// `2^self` for whole numbers from -126 to 127.
    unsafe fn pow2(self) -> Self;
    /// Lane by lane, `yes` where `self < other`, else `no`.
    unsafe fn choose_less(self, other: Self, yes: Self, no: Self) -> Self;
    /// The sum of the lanes.
    unsafe fn sum(self) -> f32;
    /// The largest of the lanes.
    unsafe fn largest(self) -> f32;
}
