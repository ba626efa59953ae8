//! The weights of Pillow's bicubic: which source pixels make one resampled pixel, and how much of
//! each, in 22-bit fixed point.
//!
//! Follows `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow's [`Resample.c`] operation
//! for operation, since a weight that is rounded otherwise is another byte in the end.
//!
//! [`Resample.c`]: https://github.com/python-pillow/Pillow/blob/12.1.1/src/libImaging/Resample.c

use std::ops::Range;

use crate::kernels::resample::{PRECISION_BITS, Window};

/// Half the filter's width at scale 1, in pixels.
const SUPPORT: f64 = 2.0;

/// The windows of the pixels `wanted` of an axis that is resampled from `source` to `resized`.
pub(super) fn windows(source: u32, resized: u64, wanted: Range<u64>) -> Vec<Window> {
    // Pillow hands the source's side over as a C float.
    let scale = f64::from(source as f32) / resized as f64;
    wanted.map(|index| window(source as usize, (index as f64 + 0.5) * scale, scale)).collect()
}

fn window(source: usize, centre: f64, scale: f64) -> Window {
    let stretch = scale.max(1.0);
    let (support, inverse) = (SUPPORT * stretch, 1.0 / stretch);
    let start = (centre - support + 0.5).max(0.0) as usize;
    let end = ((centre + support + 0.5) as usize).min(source);
    let weights: Vec<f64> =
        (start..end).map(|x| bicubic((x as f64 - centre + 0.5) * inverse)).collect();
    let sum: f64 = weights.iter().sum();
    Window { start, weights: weights.iter().map(|weight| fixed_point(weight / sum)).collect() }
}

/// Keys' cubic convolution with a = -1/2 (R. G. Keys, "Cubic convolution interpolation for digital
/// image processing", 1981).
fn bicubic(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let x = distance.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn fixed_point(weight: f64) -> i32 {
    (weight * f64::from(1 << PRECISION_BITS) + 0.5_f64.copysign(weight)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_that_keeps_its_length_keeps_its_pixels() {
        for (index, window) in windows(9, 9, 0..9).iter().enumerate() {
            let one = 1 << PRECISION_BITS;
            let weight = |x| if x == index { one } else { 0 };
            assert!((window.start..window.end()).map(weight).eq(window.weights.iter().copied()));
        }
    }

    #[test]
    fn weights_are_small_enough_for_sums_of_32_bits() {
        for (source, resized) in [(1, 224), (2, 224), (3, 7), (223, 224), (225, 224), (60_000, 224)]
        {
            for window in windows(source, resized, 0..resized) {
                assert!(window.is_small(), "{source} to {resized}");
            }
        }
    }
}
