//! From the bytes of a photo to the numbers that the model reads, exactly as Pillow and open_clip
//! make them: probe, decode, resize and crop, normalise.
//!
//! Knows neither HTTP nor tokio. Each step is a file: [`probe`](mod@probe) refuses by the header
//! before a pixel is allocated, [`decode`](mod@decode) gives Pillow's RGB, [`resize`] and [`crop`]
//! give open_clip's square, [`normalize`] the model's numbers. Beside them [`perceptual_hash`] says
//! what the whole photo looks like, for those who ask.

pub mod crop;
pub mod decode;
pub mod error;
pub mod normalize;
pub mod orientation;
pub mod perceptual_hash;
pub mod probe;
pub mod resize;

pub use decode::{DecodeOptions, ExifOrientation, MAX_PIXELS, Rgb, decode};
pub use error::ImageError;
pub use normalize::Normalization;
pub use perceptual_hash::PerceptualHash;
pub use probe::{Format, Header, probe};
pub use resize::{RgbView, resize_crop};

use crate::kernels::Kernels;

/// A photo as the model reads it: `[3, size, size]` normalised numbers, channel by channel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pixels(Vec<f32>);

impl Pixels {
    /// The numbers, row-major.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(numbers: Vec<f32>) -> Self {
        Self(numbers)
    }
}

/// What is known of a photo beside its pixels, from the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PhotoFacts {
    /// Width in pixels, as decoded.
    pub width: u32,
    /// Height in pixels, as decoded.
    pub height: u32,
    /// What it looks like.
    pub hash: PerceptualHash,
}

impl PhotoFacts {
    /// Of a decoded photo, which is read once and not copied.
    pub fn of(rgb: &Rgb) -> Self {
        Self { width: rgb.width, height: rgb.height, hash: PerceptualHash::of(rgb) }
    }
}

/// Largest magnitude of a number in a square that a client made: far above any normalisation.
const LARGEST: f32 = 1e3;

/// The way from bytes to [`Pixels`] for one model.
#[derive(Debug)]
pub struct Preprocess {
    kernels: Kernels,
    size: u32,
    normalization: Normalization,
    decode: DecodeOptions,
}

impl Preprocess {
    /// To squares of `size` pixels, at least 1, by `kernels`, in the numbers of `normalization`,
    /// within the limits of `decode`.
    pub fn new(
        kernels: Kernels,
        size: u32,
        normalization: Normalization,
        decode: DecodeOptions,
    ) -> Self {
        Self { kernels, size, normalization, decode }
    }

    /// What the header of `bytes` says, if it may be decoded.
    ///
    /// # Errors
    /// [`ImageError`] when `bytes` are no image that is read, or too large a one.
    pub fn probe(&self, bytes: &[u8]) -> Result<Header, ImageError> {
        let header = probe(bytes)?;
        header.check_pixels(self.decode.max_pixels)?;
        Ok(header)
    }

    /// The most bytes that [`Self::decode`] and [`Self::square`] hold at once for a photo with
    /// `header`, beside the file.
    pub fn work_bytes(&self, header: &Header) -> u64 {
        let (size, short) = (u64::from(self.size), u64::from(header.width.min(header.height)));
        // The square's columns of the rows under it and, for the filter, of an eighth more; the
        // square as bytes and as numbers.
        let between = 3 * size * (short + short / 8 + 64);
        let square = 3 * size * size * (1 + size_of::<f32>() as u64);
        header.decode_bytes().saturating_add(between + square)
    }

    /// All pixels of the photo.
    ///
    /// # Errors
    /// [`ImageError`] when `bytes` are no image that can be read, or too large a one.
    pub fn decode(&self, bytes: &[u8]) -> Result<Rgb, ImageError> {
        decode(bytes, &self.decode)
    }

    /// The square of a decoded photo, as the model reads it.
    pub fn square(&self, rgb: &Rgb) -> Pixels {
        let crop = self.crop_rgb(rgb);
        let mut numbers = vec![0.; crop.len()];
        self.normalization.apply(&crop, &mut numbers);
        Pixels(numbers)
    }

    /// A square that a client made, `[3, size, size]` numbers in f32, little-endian, as the model reads
    /// it; with `normalize` from numbers between 0 and 1.
    ///
    /// # Errors
    /// [`ImageError::Tensor`], when they are not so many or not ordinary numbers.
    pub fn tensor(&self, numbers: &[u8], normalize: bool) -> Result<Pixels, ImageError> {
        let expected = 3 * self.size as usize * self.size as usize;
        let (fours, rest) = numbers.as_chunks::<4>();
        if fours.len() != expected || !rest.is_empty() {
            let found = format!("has {} bytes, expected {}", numbers.len(), 4 * expected);
            return Err(ImageError::Tensor(found));
        }
        let mut numbers: Vec<_> = fours.iter().map(|four| f32::from_le_bytes(*four)).collect();
        // What is no number would spoil the batch that it is in, and so would what overflows.
        let wrong = numbers.iter().position(|number| number.is_nan() || number.abs() > LARGEST);
        if let Some(index) = wrong {
            let found = numbers[index];
            let found = format!("holds {found} at element {index}, expected numbers from 0 to 1");
            return Err(ImageError::Tensor(found));
        }
        if normalize {
            self.normalization.apply_to_planes(&mut numbers);
        }
        Ok(Pixels(numbers))
    }

    /// The square of the photo that the model sees: `size * size` RGB pixels, row-major.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn crop(&self, bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
        Ok(self.crop_rgb(&self.decode(bytes)?))
    }

    /// The photo as the model reads it.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn pixels(&self, bytes: &[u8]) -> Result<Pixels, ImageError> {
        Ok(self.square(&self.decode(bytes)?))
    }

    fn crop_rgb(&self, rgb: &Rgb) -> Vec<u8> {
        let view = RgbView::new(rgb.width, rgb.height, &rgb.data)
            .expect("decode gives three bytes a pixel and no empty image");
        resize_crop(&self.kernels, view, self.size)
    }
}
