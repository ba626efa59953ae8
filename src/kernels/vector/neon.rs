//! Four lanes of NEON, which every 64-bit Arm has.
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each method is an instruction, under the trait's contract"
)]

use std::arch::aarch64::*;

use super::Vector;

/// A 128-bit register.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Neon(float32x4_t);

impl Vector for Neon {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(number: f32) -> Self {
        Self(vdupq_n_f32(number))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(vld1q_f32(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        vst1q_f32(to, self.0);
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(vaddq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(vsubq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(vmulq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(vdivq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(vminq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(vmaxq_f32(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(vfmaq_f32(self.0, a.0, b.0))
    }

    #[inline(always)]
    unsafe fn pow2(self) -> Self {
        let exponent = vaddq_s32(vcvtq_s32_f32(self.0), vdupq_n_s32(127));
        Self(vreinterpretq_f32_s32(vshlq_n_s32::<23>(exponent)))
    }

    #[inline(always)]
    unsafe fn choose_less(self, other: Self, yes: Self, no: Self) -> Self {
        Self(vbslq_f32(vcltq_f32(self.0, other.0), yes.0, no.0))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        vaddvq_f32(self.0)
    }

    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        vmaxvq_f32(self.0)
    }
}
