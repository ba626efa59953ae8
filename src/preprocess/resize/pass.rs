//! The two passes of a separable resize over interleaved 8-bit RGB. Each ends in bytes, rounded
//! and clamped, as Pillow's do; sums are exact in `i32`.
//!
//! Both go through memory in order: the first along a row, the second row after row.

use super::{
    CHANNELS,
    window::{PRECISION_BITS, Window},
};

/// Half a level, so that the shift in [`to_byte`] rounds.
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Resamples each of `rows` to the pixels of `columns`: `columns.len() * 3` bytes a row.
pub(super) fn horizontal<'a>(
    rows: impl ExactSizeIterator<Item = &'a [u8]>,
    columns: &[Window],
) -> Vec<u8> {
    let stride = columns.len() * CHANNELS;
    let mut resampled = vec![0; rows.len() * stride];
    for (row, resampled) in rows.zip(resampled.chunks_exact_mut(stride)) {
        let (pixels, _) = row.as_chunks();
        let (resampled, _) = resampled.as_chunks_mut();
        for (window, pixel) in columns.iter().zip(resampled) {
            *pixel = weigh(&pixels[window.start..window.end()], &window.weights);
        }
    }
    resampled
}

/// The weighted mean of `pixels`.
#[inline]
fn weigh(pixels: &[[u8; CHANNELS]], weights: &[i32]) -> [u8; CHANNELS] {
    let mut sums = [HALF; CHANNELS];
    for (pixel, &weight) in pixels.iter().zip(weights) {
        for (sum, &level) in sums.iter_mut().zip(pixel) {
            *sum += i32::from(level) * weight;
        }
    }
    sums.map(to_byte)
}

/// Resamples `source`, rows of `stride` bytes of which the first is row `first` of the image, to
/// `rows.len()` rows.
pub(super) fn vertical(source: &[u8], first: usize, rows: &[Window], stride: usize) -> Vec<u8> {
    let mut resampled = Vec::with_capacity(rows.len() * stride);
    let mut sums = vec![0; stride];
    for window in rows {
        sums.fill(HALF);
        let lines = source[(window.start - first) * stride..].chunks_exact(stride);
        for (line, &weight) in lines.zip(&window.weights) {
            for (sum, &level) in sums.iter_mut().zip(line) {
                *sum += i32::from(level) * weight;
            }
        }
        resampled.extend(sums.iter().map(|&sum| to_byte(sum)));
    }
    resampled
}

#[inline]
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
