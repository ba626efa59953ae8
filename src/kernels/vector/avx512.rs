//! Sixteen lanes of AVX-512F.
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each method is an instruction, under the trait's contract"
)]

use std::arch::x86_64::*;

use super::Vector;
use crate::kernels::{
    bf16::Bf16,
    int8::{self, Int8, ToBytes},
    product::Product,
};

/// A 512-bit register.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Avx512(__m512);

impl Vector for Avx512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(number: f32) -> Self {
        Self(_mm512_set1_ps(number))
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(_mm512_loadu_ps(from))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        _mm512_storeu_ps(to, self.0);
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(_mm512_add_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(_mm512_sub_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(_mm512_mul_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(_mm512_div_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(_mm512_min_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(_mm512_max_ps(self.0, other.0))
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Self(_mm512_fmadd_ps(a.0, b.0, self.0))
    }

    #[inline(always)]
    unsafe fn pow2(self) -> Self {
        Self(_mm512_scalef_ps(_mm512_set1_ps(1.), self.0))
    }

    #[inline(always)]
    unsafe fn choose_less(self, other: Self, yes: Self, no: Self) -> Self {
        let less = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0);
        Self(_mm512_mask_blend_ps(less, no.0, yes.0))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        _mm512_reduce_add_ps(self.0)
    }

    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        _mm512_reduce_max_ps(self.0)
    }
}

impl Avx512 {
    /// The lanes as halves, to 32 bytes at `to`.
    ///
    /// # Safety
    /// As [`Vector`], and the processor has AVX512_BF16.
    #[inline(always)]
    pub(in crate::kernels) unsafe fn narrow(self, to: *mut Bf16) {
        to.cast::<__m256bh>().write_unaligned(_mm512_cvtneps_pbh(self.0));
    }
}

/// Pairs of halves, with AVX512_BF16.
pub(in crate::kernels) struct Pairs;

impl Product for Pairs {
    type Number = Bf16;
    type Sum = Avx512;
    type Total = Avx512;
    type Factor = __m512bh;

    #[inline(always)]
    unsafe fn spread(from: *const Bf16) -> __m512bh {
        std::mem::transmute(_mm512_set1_epi32(from.cast::<i32>().read_unaligned()))
    }

    #[inline(always)]
    unsafe fn load(from: *const Bf16) -> __m512bh {
        std::mem::transmute(_mm512_loadu_si512(from.cast()))
    }

    #[inline(always)]
    unsafe fn add(sum: Avx512, a: __m512bh, b: __m512bh) -> Avx512 {
        Avx512(_mm512_dpbf16_ps(sum.0, a, b))
    }

    #[inline(always)]
    unsafe fn zero((): &(), _: usize) -> Avx512 {
        Avx512::splat(0.)
    }

    #[inline(always)]
    unsafe fn total(sum: Avx512, (): &(), _: (usize, usize)) -> Avx512 {
        sum
    }
}

impl ToBytes for Avx512 {
    #[inline(always)]
    unsafe fn store_inputs(self, to: *mut Int8) {
        let raised = _mm512_add_epi32(_mm512_cvtps_epi32(self.0), _mm512_set1_epi32(128));
        to.cast::<__m128i>().write_unaligned(_mm512_cvtepi32_epi8(raised));
    }
}

/// Fours of bytes, with AVX512_VNNI.
pub(in crate::kernels) struct Fours;

impl Product for Fours {
    type Number = Int8;
    type Sum = __m512i;
    type Total = Avx512;
    type Factor = __m512i;

    #[inline(always)]
    unsafe fn spread(from: *const Int8) -> __m512i {
        _mm512_set1_epi32(from.cast::<i32>().read_unaligned())
    }

    #[inline(always)]
    unsafe fn load(from: *const Int8) -> __m512i {
        _mm512_loadu_si512(from.cast())
    }

    #[inline(always)]
    unsafe fn add(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        _mm512_dpbusd_epi32(sum, a, b)
    }

    #[inline(always)]
    unsafe fn zero(units: &int8::Units<'_>, column: usize) -> __m512i {
        _mm512_loadu_si512(units.offsets.as_ptr().add(column).cast())
    }

    #[inline(always)]
    unsafe fn total(
        sum: __m512i,
        units: &int8::Units<'_>,
        (row, column): (usize, usize),
    ) -> Avx512 {
        let unit = Avx512::splat(*units.rows.get_unchecked(row));
        let unit = unit.mul(Avx512::load(units.columns.as_ptr().add(column)));
        Avx512(_mm512_cvtepi32_ps(sum)).mul(unit)
    }
}
