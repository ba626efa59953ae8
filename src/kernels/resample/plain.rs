//! The two passes as they are defined, in plain Rust: first along each row, then row after row.
//! Each ends in bytes. This is what the other instruction sets are held against.

use super::{CHANNELS, HALF, PRECISION_BITS, Resample, Window, span};

pub(in crate::kernels) fn resample(task: &mut Resample<'_>) {
    let needed = span(task.rows);
    let image = task.image.chunks_exact(task.width * CHANNELS);
    let narrowed = horizontal(image.skip(needed.start).take(needed.len()), task.columns);
    let stride = task.columns.len() * CHANNELS;
    vertical(&narrowed, needed.start, task.rows, stride, task.output);
}

/// Resamples each of `rows` to the pixels of `columns`: `columns.len() * 3` bytes a row.
fn horizontal<'a>(rows: impl ExactSizeIterator<Item = &'a [u8]>, columns: &[Window]) -> Vec<u8> {
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
/// the rows of `resampled`.
fn vertical(source: &[u8], first: usize, rows: &[Window], stride: usize, resampled: &mut [u8]) {
    let mut sums = vec![0; stride];
    for (window, resampled) in rows.iter().zip(resampled.chunks_exact_mut(stride)) {
        sums.fill(HALF);
        let lines = source[(window.start - first) * stride..].chunks_exact(stride);
        for (line, &weight) in lines.zip(&window.weights) {
            for (sum, &level) in sums.iter_mut().zip(line) {
                *sum += i32::from(level) * weight;
            }
        }
        for (byte, &sum) in resampled.iter_mut().zip(&sums) {
            *byte = to_byte(sum);
        }
    }
}

#[inline]
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}
