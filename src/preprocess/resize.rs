//! Pillow's antialiased bicubic resize and torchvision's centre crop in one step: 8-bit RGB in,
//! the model's square out, byte for byte what Pillow gives.
//!
//! Time and memory follow the square and the source rows under it, never the resized image: a
//! 1 x 60,000 image costs no more than a small one. Columns are resampled before rows, as in
//! Pillow up to 12.1. Later releases turn that round for tall images that shrink (12.2: height
//! above 100 widths; 13.0: above about 2), and some levels of those differ.

mod window;

use super::crop::{Geometry, shortest_side};
use crate::kernels::{Kernels, Resample};

/// Bytes of an RGB pixel.
const CHANNELS: usize = 3;

/// A borrowed 8-bit RGB image of at least one pixel.
#[derive(Clone, Copy, Debug)]
pub struct RgbView<'a> {
    width: u32,
    height: u32,
    data: &'a [u8],
}

/// Why bytes and sides do not make an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// A side is zero.
    #[error("an image of {width} x {height} has no pixels to resize: both sides must be 1 or more")]
    NoPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The bytes are not three for each pixel.
    #[error("an RGB image of {width} x {height} pixels has {expected} bytes, not {found}")]
    WrongLength {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// `width * height * 3`.
        expected: u128,
        /// The bytes that were given.
        found: usize,
    },
}

impl ViewError {
    /// A stable label for metrics and for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPixels { .. } => "no_pixels",
            Self::WrongLength { .. } => "wrong_pixel_length",
        }
    }
}

impl<'a> RgbView<'a> {
    /// `data` is row-major without padding, red, green and blue for each pixel.
    ///
    /// # Errors
    /// [`ViewError`] when a side is zero or `data` is not `width * height * 3` bytes long.
    pub fn new(width: u32, height: u32, data: &'a [u8]) -> Result<Self, ViewError> {
        let expected = u128::from(width) * u128::from(height) * CHANNELS as u128;
        if expected == 0 {
            return Err(ViewError::NoPixels { width, height });
        }
        if expected != data.len() as u128 {
            return Err(ViewError::WrongLength { width, height, expected, found: data.len() });
        }
        Ok(Self { width, height, data })
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }
}

/// The centre square of `image`, its shorter side scaled to `size`: `size * size * 3` bytes,
/// row-major RGB. An image whose shorter side is `size` is cut, not resampled. Which `kernels` do it
/// makes a difference of time alone.
///
/// # Panics
/// When `size` is 0.
pub fn resize_crop(kernels: &Kernels, image: RgbView<'_>, size: u32) -> Vec<u8> {
    let geometry = shortest_side(image.width, image.height, size);
    if image.width.min(image.height) == size {
        return crop(image, &geometry);
    }
    let columns = window::windows(image.width, geometry.resized_width, geometry.columns());
    let rows = window::windows(image.height, geometry.resized_height, geometry.rows());
    let mut square = vec![0; size as usize * size as usize * CHANNELS];
    kernels.resample(Resample {
        image: image.data,
        width: image.width as usize,
        columns: &columns,
        rows: &rows,
        output: &mut square,
    });
    square
}

/// The square of an image that keeps its sides.
fn crop(image: RgbView<'_>, geometry: &Geometry) -> Vec<u8> {
    let size = geometry.size as usize;
    let (left, top) = (geometry.left as usize, geometry.top as usize);
    let rows = image.data.chunks_exact(image.width as usize * CHANNELS).skip(top).take(size);
    rows.flat_map(|row| &row[left * CHANNELS..][..size * CHANNELS]).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::Isa;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn every_instruction_set_gives_the_same_square(
            (width, height) in prop_oneof![
                (1..300_u32, 1..300_u32),
                (1..4_u32, 1..3000_u32),
                (1..3000_u32, 1..4_u32),
            ],
            size in 1..260_u32,
            seed in any::<u32>(),
        ) {
            let levels = (0..width * height * 3).map(|i| (i ^ seed).wrapping_mul(0x9E37_79B1));
            let data: Vec<u8> = levels.map(|level| (level >> 24) as u8).collect();
            let image = RgbView::new(width, height, &data).expect("three bytes for each pixel");
            let square = |isa| Some(resize_crop(&Kernels::of(isa)?, image, size));
            let plain = square(Isa::Portable);
            for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon] {
                prop_assert!(square(isa).is_none_or(|found| Some(found) == plain), "{:?}", isa);
            }
        }
    }

    #[test]
    fn a_view_refuses_bytes_of_another_length() {
        let error = RgbView::new(2, 2, &[0; 11]).unwrap_err();
        assert_eq!(error.to_string(), "an RGB image of 2 x 2 pixels has 12 bytes, not 11");
        assert_eq!(error.code(), "wrong_pixel_length");
    }

    #[test]
    fn a_view_refuses_an_empty_image() {
        assert_eq!(RgbView::new(0, 9, &[]).unwrap_err().code(), "no_pixels");
        assert_eq!(RgbView::new(9, 0, &[]).unwrap_err().code(), "no_pixels");
    }

    #[test]
    fn an_image_of_the_models_size_is_left_alone() {
        let data: Vec<u8> = (0..12).collect();
        let image = RgbView::new(2, 2, &data).expect("twelve bytes are two by two pixels");
        assert_eq!(resize_crop(&Kernels::best(), image, 2), data);
    }
}
