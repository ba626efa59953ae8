//! The resize of 8-bit RGB: two passes of weighted sums in fixed point, along the rows and then from
//! row to row, each of which ends in bytes. [`plain`] is the definition; [`fused`] does it with an
//! instruction set, and gives the same bytes with each.

pub(super) mod fused;
mod parts;
pub(super) mod plain;

use std::ops::Range;

/// Bytes of an RGB pixel.
const CHANNELS: usize = 3;

/// Fractional bits of a weight: what an `i32` leaves beside 8 bits of pixel, the sign and one bit
/// for sums above 1.
pub const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The most that the sizes of a window's weights come to: what three signed bytes hold, and below
/// 2^31 when multiplied by 255 and rounded.
pub const MOST_WEIGHT: u32 = 0x7F_7F7F;

/// Half a level, so that the shift to a byte rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// The source pixels of one resampled pixel along one axis.
#[derive(Debug)]
pub struct Window {
    /// Index of the first source pixel.
    pub start: usize,
    /// One weight for each source pixel from there on; together about `1 << PRECISION_BITS`, and
    /// their sizes at most [`MOST_WEIGHT`].
    pub weights: Vec<i32>,
}

impl Window {
    /// Index after the last source pixel.
    pub fn end(&self) -> usize {
        self.start + self.weights.len()
    }

    /// Whether its sums stay within 32 bits.
    pub fn is_small(&self) -> bool {
        let sizes = self.weights.iter().map(|weight| u64::from(weight.unsigned_abs()));
        sizes.sum::<u64>() <= MOST_WEIGHT.into()
    }
}

/// The source pixels that `windows`, which follow each other, need together.
fn span(windows: &[Window]) -> Range<usize> {
    match (windows.first(), windows.last()) {
        (Some(first), Some(last)) => first.start..last.end(),
        _ => 0..0,
    }
}

/// Columns first, then rows.
#[derive(Debug)]
pub struct Resample<'a> {
    /// Rows of `width` RGB pixels.
    pub image: &'a [u8],
    /// Pixels of a row of the image.
    pub width: usize,
    /// For each column of the output, at least one, its pixels in a row; in order.
    pub columns: &'a [Window],
    /// For each row of the output, at least one, its rows of the image; in order.
    pub rows: &'a [Window],
    /// `rows.len()` rows of `columns.len()` RGB pixels.
    pub output: &'a mut [u8],
}

impl Resample<'_> {
    /// Panics where a slice has not the length that the numbers say, where windows are not in order
    /// or weights too large.
    pub(super) fn check(&self) {
        let ordered = |a: &Window, b: &Window| a.start <= b.start && a.end() <= b.end();
        for windows in [self.columns, self.rows] {
            assert!(!windows.is_empty(), "an image has pixels");
            assert!(windows.is_sorted_by(ordered), "windows follow each other");
            assert!(windows.iter().all(Window::is_small), "weights are small");
        }
        let stride = self.width.checked_mul(CHANNELS).expect("a row fits in memory");
        let height = self.image.len() / stride;
        assert!(span(self.columns).end <= self.width, "columns lie in the image");
        assert!(span(self.rows).end <= height, "rows lie in the image");
        let (rows, columns) = (self.rows.len(), self.columns.len());
        assert!(self.output.len() == rows * columns * CHANNELS, "the output is the resized image");
    }
}

#[cfg(test)]
mod tests;
