//! Four lanes of NEON: 32 bits times 32 bits, so that a weight stays whole.
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each method is an instruction or a few, under the trait's contract"
)]

use std::arch::aarch64::*;

use super::{super::resample::PRECISION_BITS, Samples, spread};

/// A 128-bit register.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Neon(int32x4_t);

const SPREAD: [[u8; 16]; 4] = spread::<1>();

impl Samples for Neon {
    const LANES: usize = 4;
    const TAPS: usize = 1;

    #[inline(always)]
    unsafe fn splat(number: i32) -> Self {
        Self(vdupq_n_s32(number))
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        Self(vld1q_s32(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        vst1q_s32(to, self.0);
    }

    #[inline(always)]
    unsafe fn gather(rows: *const *const u8, offset: usize) -> Self {
        Self(vreinterpretq_s32_u8(vld1q_u8((*rows).add(offset))))
    }

    #[inline(always)]
    unsafe fn spread(self, group: usize) -> Self {
        let bytes = vld1q_u8(SPREAD[group].as_ptr());
        Self(vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(self.0), bytes)))
    }

    #[inline(always)]
    unsafe fn zip_lanes(self, other: Self) -> [Self; 2] {
        [Self(vzip1q_s32(self.0, other.0)), Self(vzip2q_s32(self.0, other.0))]
    }

    #[inline(always)]
    unsafe fn zip_pairs(self, other: Self) -> [Self; 2] {
        let [a, b] = [self, other].map(|lanes| vreinterpretq_s64_s32(lanes.0));
        [vzip1q_s64(a, b), vzip2q_s64(a, b)].map(|pairs| Self(vreinterpretq_s32_s64(pairs)))
    }

    #[inline(always)]
    unsafe fn add_products(self, samples: Self, parts: Self) -> Self {
        Self(vmlaq_s32(self.0, samples.0, parts.0))
    }

    #[inline(always)]
    unsafe fn add_part(self, _higher: Self) -> Self {
        // A weight has but one part.
        self
    }

    #[inline(always)]
    unsafe fn to_levels(self) -> Self {
        let levels = vshrq_n_s32::<{ PRECISION_BITS as i32 }>(self.0);
        Self(vminq_s32(vmaxq_s32(levels, vdupq_n_s32(0)), vdupq_n_s32(255)))
    }

    #[inline(always)]
    unsafe fn pack(self) -> [i32; 4] {
        let mut packed = [0; 4];
        vst1q_s32(packed.as_mut_ptr(), self.0);
        packed
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        let halves = vmovn_s32(self.0);
        let bytes = vmovn_s16(vcombine_s16(halves, halves));
        to.cast::<i32>().write_unaligned(vget_lane_s32::<0>(vreinterpret_s32_s8(bytes)));
    }
}
