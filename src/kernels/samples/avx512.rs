//! Sixteen lanes of AVX-512 with VNNI: bytes times bytes, four products in a lane.
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each method is an instruction or a few, under the trait's contract"
)]

use std::arch::x86_64::*;

use super::{super::resample::PRECISION_BITS, Samples, spread};

/// A 512-bit register.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Avx512(__m512i);

const SPREAD: [[u8; 16]; 4] = spread::<4>();

impl Samples for Avx512 {
    const LANES: usize = 16;
    const TAPS: usize = 4;

    #[inline(always)]
    unsafe fn splat(number: i32) -> Self {
        Self(_mm512_set1_epi32(number))
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        Self(_mm512_loadu_si512(from.cast()))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        _mm512_storeu_si512(to.cast(), self.0);
    }

    #[inline(always)]
    unsafe fn gather(rows: *const *const u8, offset: usize) -> Self {
        let row = |index: usize| _mm_loadu_si128((*rows.add(index)).add(offset).cast());
        let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(row(0)), row(4));
        let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(row(8)), row(12));
        Self(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high))
    }

    #[inline(always)]
    unsafe fn spread(self, group: usize) -> Self {
        let bytes = _mm_loadu_si128(SPREAD[group].as_ptr().cast());
        Self(_mm512_shuffle_epi8(self.0, _mm512_broadcast_i32x4(bytes)))
    }

    #[inline(always)]
    unsafe fn zip_lanes(self, other: Self) -> [Self; 2] {
        [Self(_mm512_unpacklo_epi32(self.0, other.0)), Self(_mm512_unpackhi_epi32(self.0, other.0))]
    }

    #[inline(always)]
    unsafe fn zip_pairs(self, other: Self) -> [Self; 2] {
        [Self(_mm512_unpacklo_epi64(self.0, other.0)), Self(_mm512_unpackhi_epi64(self.0, other.0))]
    }

    #[inline(always)]
    unsafe fn add_products(self, samples: Self, parts: Self) -> Self {
        Self(_mm512_dpbusd_epi32(self.0, samples.0, parts.0))
    }

    #[inline(always)]
    unsafe fn add_part(self, higher: Self) -> Self {
        Self(_mm512_add_epi32(self.0, _mm512_slli_epi32::<8>(higher.0)))
    }

    #[inline(always)]
    unsafe fn to_levels(self) -> Self {
        let levels = _mm512_srai_epi32::<PRECISION_BITS>(self.0);
        let levels = _mm512_max_epi32(levels, _mm512_setzero_si512());
        Self(_mm512_min_epi32(levels, _mm512_set1_epi32(255)))
    }

    #[inline(always)]
    unsafe fn pack(self) -> [i32; 4] {
        let mut packed = [0; 4];
        self.store_bytes(packed.as_mut_ptr().cast());
        packed
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(self.0));
    }
}
