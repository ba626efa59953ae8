//! How a number of the input meets the weights: one f32 at a time, or two halves.

use std::marker::PhantomData;

use super::{
    bf16::Bf16,
    vector::{Vector, portable::Portable},
};

/// A type that matrices are multiplied in; sums are f32.
pub trait Number: Copy {
    /// Numbers of a row that are multiplied and added together, and lie side by side in packed
    /// weights: `[panels][depth / together][panel][together]`.
    const TOGETHER: usize;
}

impl Number for f32 {
    const TOGETHER: usize = 1;
}

impl Number for Bf16 {
    const TOGETHER: usize = 2;
}

/// The instructions of a product.
///
/// # Safety
/// As [`Vector`].
pub(super) trait Product {
    type Number: Number;
    /// A register of sums.
    type Sum: Vector;
    /// A register of factors.
    type Factor: Copy;

    /// The number, or the numbers together, at `from` for every sum.
    unsafe fn spread(from: *const Self::Number) -> Self::Factor;
    /// Those at `from`, for one sum each.
    unsafe fn load(from: *const Self::Number) -> Self::Factor;
    unsafe fn add(sum: Self::Sum, a: Self::Factor, b: Self::Factor) -> Self::Sum;
}

/// f32 numbers, one at a time.
pub(super) struct Single<V>(PhantomData<V>);

impl<V: Vector> Product for Single<V> {
    type Number = f32;
    type Sum = V;
    type Factor = V;

    #[inline(always)]
    unsafe fn spread(from: *const f32) -> V {
        // SAFETY: handed on.
        unsafe { V::splat(*from) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> V {
        // SAFETY: handed on.
        unsafe { V::load(from) }
    }

    #[inline(always)]
    unsafe fn add(sum: V, a: V, b: V) -> V {
        // SAFETY: handed on.
        unsafe { sum.add_product(a, b) }
    }
}

/// Pairs of halves in plain Rust.
pub(super) struct PortablePairs;

impl Product for PortablePairs {
    type Number = Bf16;
    type Sum = Portable;
    type Factor = [Portable; 2];

    #[inline(always)]
    unsafe fn spread(from: *const Bf16) -> [Portable; 2] {
        // SAFETY: there are two numbers.
        unsafe { [Portable::splat((*from).into()), Portable::splat((*from.add(1)).into())] }
    }

    #[inline(always)]
    unsafe fn load(from: *const Bf16) -> [Portable; 2] {
        // SAFETY: there are two numbers for each lane.
        let numbers = unsafe { from.cast::<[[Bf16; 2]; Portable::LANES]>().read_unaligned() };
        let part = |i: usize| numbers.map(|pair| f32::from(pair[i]));
        // SAFETY: there are as many numbers as lanes.
        unsafe { [Portable::load(part(0).as_ptr()), Portable::load(part(1).as_ptr())] }
    }

    #[inline(always)]
    unsafe fn add(sum: Portable, a: [Portable; 2], b: [Portable; 2]) -> Portable {
        // SAFETY: plain Rust.
        unsafe { sum.add_product(a[0], b[0]).add_product(a[1], b[1]) }
    }
}
