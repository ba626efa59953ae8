//! The mean grey of each cell of a grid that is laid over a picture.
//!
//! A pixel that lies in several cells counts in each by its part of it, in whole numbers. Rows are
//! added up first, in strips of columns whose sums stay in the first-level cache, so a picture is
//! read once, at the speed of memory, and next to nothing is allocated.

use std::ops::Range;

use crate::preprocess::decode::Rgb;

/// Cells of each axis.
pub(super) const SIDE: usize = 32;

/// Most pixels of a strip's rows.
const STRIP: usize = 2048;

/// Most rows whose bytes add up in 16 bits: `65,535 / 255`.
const ROWS: usize = 257;

/// Rec. 601 luma in thousandths, as Pillow's `L`.
const LUMA: [u128; 3] = [299, 587, 114];

/// Steps of grey in a level of 8 bits.
const STEPS: u128 = 256;

/// The means, `[row][column]`, in steps of 1/256 level.
pub(super) fn grey(rgb: &Rgb) -> [[i64; SIDE]; SIDE] {
    let (width, height) = (rgb.width as usize, rgb.height as usize);
    let mut sums = [[[0_u64; 3]; SIDE]; SIDE];
    let mut strip = Strip::new();
    for first in (0..width).step_by(STRIP) {
        let columns = first..width.min(first + STRIP);
        for (cell, sums) in sums.iter_mut().enumerate() {
            strip.add_up(rgb, &columns, cell_of(cell, height));
            strip.share_out(&columns, width, sums);
        }
    }
    // Each cell has `width * height` parts of pixels.
    let parts = width as u128 * height as u128 * 1000;
    sums.map(|row| {
        row.map(|channels| {
            let luma: u128 =
                channels.iter().zip(LUMA).map(|(&sum, luma)| luma * u128::from(sum)).sum();
            ((luma * STEPS + parts / 2) / parts) as i64
        })
    })
}

/// The part of an axis of `len` pixels under a cell, in 32nds of a pixel.
fn cell_of(cell: usize, len: usize) -> Range<usize> {
    cell * len..(cell + 1) * len
}

/// The pixels that lie in `parts`, each with how many of its 32 parts do.
fn pixels(parts: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    (parts.start / SIDE..parts.end.div_ceil(SIDE)).map(move |pixel| {
        let part = parts.start.max(pixel * SIDE)..parts.end.min((pixel + 1) * SIDE);
        (pixel, part.len() as u64)
    })
}

/// Sums of rows, for each byte of a strip.
struct Strip {
    /// Of whole rows, as far as 16 bits go.
    few: Vec<u16>,
    /// Of all, in 32nds of a row.
    all: Vec<u64>,
}

impl Strip {
    fn new() -> Self {
        Self { few: vec![0; STRIP * 3], all: vec![0; STRIP * 3] }
    }

    /// Adds up the rows under `parts`.
    fn add_up(&mut self, rgb: &Rgb, columns: &Range<usize>, parts: Range<usize>) {
        let (bytes, stride) = (columns.len() * 3, rgb.width as usize * 3);
        let (few, all) = (&mut self.few[..bytes], &mut self.all[..bytes]);
        all.fill(0);
        let row = |y: usize| &rgb.data[y * stride + columns.start * 3..][..bytes];
        let whole = parts.start.div_ceil(SIDE)..parts.end / SIDE;
        for (y, part) in pixels(parts).filter(|(y, _)| !whole.contains(y)) {
            all.iter_mut().zip(row(y)).for_each(|(sum, &byte)| *sum += part * u64::from(byte));
        }
        for first in whole.clone().step_by(ROWS) {
            few.fill(0);
            for y in first..whole.end.min(first + ROWS) {
                few.iter_mut().zip(row(y)).for_each(|(sum, &byte)| *sum += u16::from(byte));
            }
            let parts = |sum: u16| u64::from(sum) * SIDE as u64;
            all.iter_mut().zip(&*few).for_each(|(sum, &few)| *sum += parts(few));
        }
    }

    /// Adds the sums of `columns`, of a picture of `width`, to those of the cells above them.
    fn share_out(&self, columns: &Range<usize>, width: usize, sums: &mut [[u64; 3]; SIDE]) {
        for (cell, sums) in sums.iter_mut().enumerate() {
            let parts = cell_of(cell, width);
            let (first, last) = (columns.start * SIDE, columns.end * SIDE);
            let parts = parts.start.clamp(first, last)..parts.end.clamp(first, last);
            for (x, part) in pixels(parts) {
                let pixel = &self.all[(x - columns.start) * 3..][..3];
                sums.iter_mut().zip(pixel).for_each(|(sum, &pixel)| *sum += part * pixel);
            }
        }
    }
}
