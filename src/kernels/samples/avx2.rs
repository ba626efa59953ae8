//! Eight lanes of AVX2: 16 bits times 16 bits, two products in a lane.
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each method is an instruction or a few, under the trait's contract"
)]

use std::arch::x86_64::*;

use super::{super::resample::PRECISION_BITS, Samples, spread};

/// A 256-bit register.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Avx2(__m256i);

const SPREAD: [[u8; 16]; 4] = spread::<2>();

impl Samples for Avx2 {
    const LANES: usize = 8;
    const TAPS: usize = 2;

    #[inline(always)]
    unsafe fn splat(number: i32) -> Self {
        Self(_mm256_set1_epi32(number))
    }

    #[inline(always)]
    unsafe fn load(from: *const i32) -> Self {
        Self(_mm256_loadu_si256(from.cast()))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32) {
        _mm256_storeu_si256(to.cast(), self.0);
    }

    #[inline(always)]
    unsafe fn gather(rows: *const *const u8, offset: usize) -> Self {
        let row = |index: usize| _mm_loadu_si128((*rows.add(index)).add(offset).cast());
        Self(_mm256_inserti128_si256::<1>(_mm256_castsi128_si256(row(0)), row(4)))
    }

    #[inline(always)]
    unsafe fn spread(self, group: usize) -> Self {
        let bytes = _mm_loadu_si128(SPREAD[group].as_ptr().cast());
        Self(_mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(bytes)))
    }

    #[inline(always)]
    unsafe fn zip_lanes(self, other: Self) -> [Self; 2] {
        [Self(_mm256_unpacklo_epi32(self.0, other.0)), Self(_mm256_unpackhi_epi32(self.0, other.0))]
    }

    #[inline(always)]
    unsafe fn zip_pairs(self, other: Self) -> [Self; 2] {
        [Self(_mm256_unpacklo_epi64(self.0, other.0)), Self(_mm256_unpackhi_epi64(self.0, other.0))]
    }

    #[inline(always)]
    unsafe fn add_products(self, samples: Self, parts: Self) -> Self {
        Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(samples.0, parts.0)))
    }

    #[inline(always)]
    unsafe fn add_part(self, higher: Self) -> Self {
        Self(_mm256_add_epi32(self.0, _mm256_slli_epi32::<16>(higher.0)))
    }

    #[inline(always)]
    unsafe fn to_levels(self) -> Self {
        let levels = _mm256_srai_epi32::<{ PRECISION_BITS as i32 }>(self.0);
        let levels = _mm256_max_epi32(levels, _mm256_setzero_si256());
        Self(_mm256_min_epi32(levels, _mm256_set1_epi32(255)))
    }

    #[inline(always)]
    unsafe fn pack(self) -> [i32; 4] {
        let mut packed = [0; 4];
        _mm_storeu_si128(packed.as_mut_ptr().cast(), self.halves());
        packed
    }

    #[inline(always)]
    unsafe fn store_bytes(self, to: *mut u8) {
        let halves = self.halves();
        _mm_storel_epi64(to.cast(), _mm_packus_epi16(halves, halves));
    }
}

impl Avx2 {
    /// The lanes, which are levels, in 16 bits each.
    #[inline(always)]
    unsafe fn halves(self) -> __m128i {
        _mm_packus_epi32(_mm256_castsi256_si128(self.0), _mm256_extracti128_si256::<1>(self.0))
    }
}
