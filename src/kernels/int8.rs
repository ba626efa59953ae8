//! Matrices of whole numbers of 8 bits, each row of the input and each column of the weights in a
//! unit of its own: a row's is a 127th of its largest number, found while the model runs; a column's
//! likewise, when it is packed. Sums are whole numbers of 32 bits and exact.
//!
//! Processors multiply numbers without a sign by numbers with one: those of the input stand 128
//! higher, and a sum begins with what that will have added too much.

use super::{Number, panels::Panels, vector::Vector};

/// A byte of a matrix: of weights a number from -127 to 127 in two's complement, of an input such a
/// number plus 128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Int8(u8);

/// The largest number of a row, or of a column, in its unit.
pub const LARGEST: f32 = 127.;

/// What an input's numbers are higher by.
const RAISED: i32 = 128;

/// The depth with which a sum of products of bytes, 255 * 127 at most, stays within 31 bits.
pub const DEEPEST: usize = (i32::MAX / (255 * 127)) as usize;

impl Int8 {
    /// A weight, rounded and within the range; what is no number becomes 0.
    pub fn weight(number: f32) -> Self {
        Self(nearest(number) as u8)
    }

    /// A number of an input, likewise.
    pub fn input(number: f32) -> Self {
        Self((nearest(number) + RAISED) as u8)
    }

    /// The weight.
    pub(super) fn as_weight(self) -> i32 {
        self.0.cast_signed().into()
    }

    /// The number of an input, as high as it stands.
    pub(super) fn as_input(self) -> i32 {
        self.0.into()
    }
}

/// The nearest whole number within the range, of two as near the even one.
fn nearest(number: f32) -> i32 {
    // Above this an f32 has no fraction. `round_ties_even` is a function of the C library where the
    // processor is not known to have an instruction for it.
    const WHOLE: f32 = (1 << 23) as f32 * 1.5;
    (number.clamp(-LARGEST, LARGEST) + WHOLE - WHOLE) as i32
}

/// What the numbers of an input and of weights are in units of.
#[derive(Clone, Copy, Debug)]
pub struct Units<'a> {
    /// Of each row of the input.
    pub rows: &'a [f32],
    /// Of each column of the weights.
    pub columns: &'a [f32],
    /// For each column, what [`offset`] gives.
    pub offsets: &'a [i32],
}

/// What a sum over `weights`, all of a column, begins with.
pub fn offset(weights: impl Iterator<Item = Int8>) -> i32 {
    -RAISED * weights.map(Int8::as_weight).sum::<i32>()
}

impl Number for Int8 {
    const TOGETHER: usize = 4;
    // A column's offset is for all of its depth, whose bytes are few.
    const BLOCK: usize = DEEPEST;
    type Units<'a> = Units<'a>;

    fn check_units(units: &Units<'_>, depth: usize, rows: usize, columns: usize) {
        assert!(depth <= DEEPEST, "sums of bytes fit in 32 bits");
        assert!(units.rows.len() >= rows, "each row has a unit");
        let fewest = units.columns.len().min(units.offsets.len());
        assert!(fewest >= columns, "each column has a unit and an offset");
    }
}

/// The unit of each row of a matrix: a 127th of its largest number, any where all are 0, and no
/// number where one of the row is infinite or none, so that this is noticed at the end.
#[derive(Debug)]
pub struct FindUnits<'a> {
    /// Panels of the matrix, whose numbers all count.
    pub panels: usize,
    /// `[panels][rows][panel]`.
    pub input: Panels<'a>,
    /// A unit for each row.
    pub units: &'a mut [f32],
}

impl FindUnits<'_> {
    /// Panics where a slice is too short for what the numbers say.
    pub(super) fn check(&self, panel: usize) {
        self.input.check(self.panels, [self.units.len(), panel]);
    }
}

/// Computes `task`.
///
/// # Safety
/// As [`Vector`]; and `task` must have passed [`FindUnits::check`] with `N * V::LANES`.
#[inline(always)]
pub(super) unsafe fn find_units<V: Vector, const N: usize>(task: &mut FindUnits<'_>) {
    let panel = N * V::LANES;
    for (row, unit) in task.units.iter_mut().enumerate() {
        // SAFETY: the panels and rows are within what was checked.
        unsafe {
            let (mut largest, mut finite) = (V::splat(0.), V::splat(0.));
            for p in 0..task.panels {
                let from = task.input.data.as_ptr().add(p * task.input.stride + row * panel);
                for n in 0..N {
                    let numbers = V::load(from.add(n * V::LANES));
                    largest = largest.max(numbers).max(V::splat(0.).sub(numbers));
                    finite = finite.add_product(numbers, V::splat(0.));
                }
            }
            let largest = largest.largest();
            let unit_of_some = if largest > 0. { largest / LARGEST } else { 1. };
            // Zero, or no number.
            *unit = unit_of_some + finite.sum();
        }
    }
}

/// A register whose lanes become bytes.
///
/// # Safety
/// As [`Vector`].
pub(super) trait ToBytes: Vector {
    /// [`Int8::input`] of each lane, of numbers within the range, to as many bytes at `to`.
    unsafe fn store_inputs(self, to: *mut Int8);
}

/// The bytes of a panel, `[rows][panel]`, in units of its rows.
///
/// # Safety
/// As [`Vector`]; the slices are equally long, of a panel of `N * V::LANES` for each unit.
#[inline(always)]
pub(super) unsafe fn quantize<V: ToBytes, const N: usize>(
    numbers: &[f32],
    units: &[f32],
    bytes: &mut [Int8],
) {
    let panel = N * V::LANES;
    for (row, unit) in units.iter().enumerate() {
        // SAFETY: the row is within the slices.
        unsafe {
            let times = V::splat(1. / unit);
            for at in (0..N).map(|n| row * panel + n * V::LANES) {
                V::load(numbers.as_ptr().add(at))
                    .mul(times)
                    .store_inputs(bytes.as_mut_ptr().add(at));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_and_kept_within_the_range() {
        for (number, expected) in
            [(0.4, 0), (-0.6, -1), (2.5, 2), (-3.5, -4), (200., 127), (-200., -127)]
        {
            assert_eq!(Int8::weight(number).as_weight(), expected, "{number}");
            assert_eq!(Int8::input(number).as_input(), expected + RAISED, "{number}");
        }
        assert_eq!(Int8::input(f32::NAN).as_input(), RAISED);
    }

    #[test]
    fn an_offset_takes_back_what_was_raised() {
        let weights = [3., -7., 100.].map(Int8::weight);
        assert_eq!(offset(weights.into_iter()), -128 * 96);
    }
}
