//! Where the model's square lies: torchvision's `Resize` (shorter side) and `CenterCrop`, as
//! arithmetic alone.
//!
//! Promises the very integers that Python's floats give there. No side of the resized image is
//! ever allocated, so they may be far larger than memory.

use std::ops::Range;

/// The resized image and the square that is cut from it, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Width of the whole resized image.
    pub resized_width: u64,
    /// Height of the whole resized image.
    pub resized_height: u64,
    /// First column of the square.
    pub left: u64,
    /// First row of the square.
    pub top: u64,
    /// Side of the square.
    pub size: u32,
}

impl Geometry {
    /// Columns of the resized image that the square covers.
    pub fn columns(&self) -> Range<u64> {
        self.left..self.left + u64::from(self.size)
    }

    /// Rows of the resized image that the square covers.
    pub fn rows(&self) -> Range<u64> {
        self.top..self.top + u64::from(self.size)
    }
}

/// Scales the shorter side of a `width` x `height` image to `size` and centres a square of `size`.
///
/// The longer side is `int(size * long / short)`, as in torchvision's
/// [`_compute_resized_output_size`]; an image whose shorter side is `size` keeps both sides.
/// All three numbers are at least 1.
///
/// # Panics
/// When `width` or `height` is 0.
///
/// [`_compute_resized_output_size`]: https://github.com/pytorch/vision/blob/v0.20.0/torchvision/transforms/functional.py
pub fn shortest_side(width: u32, height: u32, size: u32) -> Geometry {
    let short = width.min(height);
    // Python divides as floats and truncates. A correctly rounded quotient never reaches the next
    // integer while the dividend is below 2^53, so that is the integer quotient.
    let scaled = |side: u32| u64::from(size) * u64::from(side) / u64::from(short);
    let (resized_width, resized_height) = (scaled(width), scaled(height));
    Geometry {
        resized_width,
        resized_height,
        left: centre(resized_width, size),
        top: centre(resized_height, size),
        size,
    }
}

/// `int(round((side - size) / 2.0))` of torchvision's [`center_crop`]: Python rounds half to even.
///
/// [`center_crop`]: https://github.com/pytorch/vision/blob/v0.20.0/torchvision/transforms/functional.py
fn centre(side: u64, size: u32) -> u64 {
    let margin = side - u64::from(size);
    let floor = margin / 2;
    floor + (margin % 2) * (floor % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lefts(margins: Range<u64>) -> Vec<u64> {
        margins.map(|margin| centre(224 + margin, 224)).collect()
    }

    #[test]
    fn half_a_pixel_goes_to_the_even_side() {
        assert_eq!(lefts(0..12), [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6]);
    }

    #[test]
    fn the_longer_side_is_truncated() {
        let geometry = shortest_side(300, 203, 224);
        assert_eq!((geometry.resized_width, geometry.resized_height), (331, 224));
        assert_eq!((geometry.left, geometry.top), (54, 0));
    }

    #[test]
    fn sides_beyond_32_bits_are_computed() {
        let geometry = shortest_side(1, 178_956_970, 224);
        assert_eq!(geometry.resized_height, 40_086_361_280);
        assert_eq!(geometry.rows(), 20_043_180_528..20_043_180_752);
    }
}
