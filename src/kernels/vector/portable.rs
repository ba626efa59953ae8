//! Eight lanes in plain Rust, for processors without an instruction set of their own here, and as
//! what the others are tested against.

use super::Vector;
use crate::kernels::int8::{Int8, ToBytes};

/// An array in place of a register; the compiler makes of it what the target has.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Portable([f32; 8]);

impl Portable {
    #[inline(always)]
    fn with(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

impl Vector for Portable {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(number: f32) -> Self {
        Self([number; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller gives eight numbers.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller gives room for eight numbers.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.with(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.with(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.with(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.with(other, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.with(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.with(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // Rounded twice: a fused one is a call where the target has no instruction for it.
        Self(std::array::from_fn(|lane| self.0[lane] + a.0[lane] * b.0[lane]))
    }

    #[inline(always)]
    unsafe fn pow2(self) -> Self {
        Self(self.0.map(|number| f32::from_bits(((number as i32 + 127) << 23) as u32)))
    }

    #[inline(always)]
    unsafe fn choose_less(self, other: Self, yes: Self, no: Self) -> Self {
        let less = |lane: usize| self.0[lane] < other.0[lane];
        Self(std::array::from_fn(|lane| if less(lane) { yes.0[lane] } else { no.0[lane] }))
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.0.iter().sum()
    }

    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.0.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
}

impl ToBytes for Portable {
    #[inline(always)]
    unsafe fn store_inputs(self, to: *mut Int8) {
        // SAFETY: the caller gives room for a byte of each lane.
        unsafe { to.cast::<[Int8; 8]>().write_unaligned(self.0.map(Int8::input)) }
    }
}
