//! How a number of the input meets the weights: one f32 at a time, two halves or four bytes.

use std::{fmt::Debug, marker::PhantomData};

use super::{
    bf16::Bf16,
    int8::{self, Int8},
    vector::{Vector, portable::Portable},
};

/// A type that matrices are multiplied in; sums are f32.
pub trait Number: Copy {
    /// Numbers of a row that are multiplied and added together, and lie side by side in packed
    /// weights: `[panels][depth / together][panel][together]`.
    const TOGETHER: usize;

    /// The most depth that is gone through at a time: with more, the weights of a panel and the input
    /// under it would not stay in a second-level cache from tile to tile.
    const BLOCK: usize = 1024;

    /// What the numbers of a row, and those of a column, are in units of; nothing where they are the
    /// numbers themselves.
    type Units<'a>: Copy + Debug;

    /// Panics where `units` are too few for the matrices, or sums may be too large for their type.
    fn check_units(_units: &Self::Units<'_>, _depth: usize, _rows: usize, _columns: usize) {}
}

impl Number for f32 {
    const TOGETHER: usize = 1;
    type Units<'a> = ();
}

impl Number for Bf16 {
    const TOGETHER: usize = 2;
    type Units<'a> = ();
}

/// The instructions of a product.
///
/// # Safety
/// As [`Vector`].
pub(super) trait Product {
    type Number: Number;
    /// A register of sums.
    type Sum: Copy;
    /// A register of what they come to.
    type Total: Vector;
    /// A register of factors.
    type Factor: Copy;

    /// The number, or the numbers together, at `from` for every sum.
    unsafe fn spread(from: *const Self::Number) -> Self::Factor;
    /// Those at `from`, for one sum each.
    unsafe fn load(from: *const Self::Number) -> Self::Factor;
    unsafe fn add(sum: Self::Sum, a: Self::Factor, b: Self::Factor) -> Self::Sum;
    /// Sums of nothing, for the columns from `column` on.
    unsafe fn zero(units: &Units<'_, Self>, column: usize) -> Self::Sum;
    /// What sums are in f32, which belong to a row and to the columns from one on.
    unsafe fn total(sum: Self::Sum, units: &Units<'_, Self>, at: (usize, usize)) -> Self::Total;
}

/// The units of a product's numbers.
pub(super) type Units<'a, P> = <<P as Product>::Number as Number>::Units<'a>;

/// f32 numbers, one at a time.
pub(super) struct Single<V>(PhantomData<V>);

impl<V: Vector> Product for Single<V> {
    type Number = f32;
    type Sum = V;
    type Total = V;
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

    #[inline(always)]
    unsafe fn zero((): &(), _: usize) -> V {
        // SAFETY: handed on.
        unsafe { V::splat(0.) }
    }

    #[inline(always)]
    unsafe fn total(sum: V, (): &(), _: (usize, usize)) -> V {
        sum
    }
}

/// Pairs of halves in plain Rust.
pub(super) struct PortablePairs;

impl Product for PortablePairs {
    type Number = Bf16;
    type Sum = Portable;
    type Total = Portable;
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

    #[inline(always)]
    unsafe fn zero((): &(), _: usize) -> Portable {
        // SAFETY: handed on.
        unsafe { Portable::splat(0.) }
    }

    #[inline(always)]
    unsafe fn total(sum: Portable, (): &(), _: (usize, usize)) -> Portable {
        sum
    }
}

/// Fours of bytes in plain Rust.
pub(super) struct PortableFours;

impl Product for PortableFours {
    type Number = Int8;
    type Sum = [i32; Portable::LANES];
    type Total = Portable;
    type Factor = [[Int8; 4]; Portable::LANES];

    #[inline(always)]
    unsafe fn spread(from: *const Int8) -> Self::Factor {
        // SAFETY: there are four bytes.
        [unsafe { from.cast::<[Int8; 4]>().read_unaligned() }; Portable::LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const Int8) -> Self::Factor {
        // SAFETY: there are four bytes for each lane.
        unsafe { from.cast::<Self::Factor>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn add(mut sum: Self::Sum, a: Self::Factor, b: Self::Factor) -> Self::Sum {
        for (sum, (a, b)) in sum.iter_mut().zip(a.iter().zip(&b)) {
            *sum += a.iter().zip(b).map(|(a, b)| a.as_input() * b.as_weight()).sum::<i32>();
        }
        sum
    }

    #[inline(always)]
    unsafe fn zero(units: &int8::Units<'_>, column: usize) -> Self::Sum {
        // SAFETY: there is an offset for each column.
        unsafe { units.offsets.as_ptr().add(column).cast::<Self::Sum>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn total(
        sum: Self::Sum,
        units: &int8::Units<'_>,
        (row, column): (usize, usize),
    ) -> Portable {
        let sum = sum.map(|sum| sum as f32);
        // SAFETY: there is a unit for each row and each column.
        unsafe {
            let unit = Portable::splat(*units.rows.get_unchecked(row));
            let unit = unit.mul(Portable::load(units.columns.as_ptr().add(column)));
            Portable::load(sum.as_ptr()).mul(unit)
        }
    }
}
