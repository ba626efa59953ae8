//! From the bytes of a file to the 8-bit RGB pixels that Pillow's `Image.open(f).convert("RGB")`
//! gives: the first frame of an animation, alpha dropped and never composited, colour profiles
//! ignored. Lossless formats are equal byte for byte. Where we differ on purpose:
//!
//! - 16-bit grey is scaled to 8 bits (its high byte); Pillow clips it to white.
//! - Damage that Pillow paints over is an error: JPEG data that ends early or has an invalid
//!   code, PNG with too few rows, a wrong checksum or no palette.
//! - Not read: JPEG with arithmetic coding (without the feature `libjpeg-turbo`) or lossless,
//!   TIFF with fax, old JPEG, LAB, 32-bit or floating-point samples.

pub(crate) mod bmp;
mod bytes;
mod color;
pub(crate) mod gif;
pub(crate) mod jpeg;
mod lzw;
pub(super) mod memory;
pub(crate) mod png;
pub(crate) mod tiff;
pub(crate) mod webp;

use super::{
    error::ImageError,
    orientation::Orientation,
    probe::{Format, Header, probe},
};

/// The most pixels of one image, whatever the setting: 2^32, so that no size in bytes overflows.
pub const MAX_PIXELS: u64 = 1 << 32;

/// 8-bit RGB pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rgb {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Row-major, three bytes (red, green, blue) a pixel, no padding: `width * height * 3` bytes.
    pub data: Vec<u8>,
}

/// What to do with an EXIF (or XMP) orientation tag. That of a TIFF is always applied, as Pillow
/// does when it loads one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExifOrientation {
    /// Pixels stay as they are stored, as with Pillow's `Image.open`.
    Ignore,
    /// Pixels are turned upright, as by Pillow's `ImageOps.exif_transpose`.
    Apply,
}

/// The limits and choices of [`decode`].
#[derive(Debug, Clone, Copy)]
pub struct DecodeOptions {
    /// The largest width times height, in pixels, that is decoded; above [`MAX_PIXELS`] as that.
    pub max_pixels: u64,
    /// Whether pixels are turned upright.
    pub exif_orientation: ExifOrientation,
}

/// Decodes the first frame of `bytes` to RGB.
///
/// Size and pixel count come from the header and are refused before any pixel is allocated.
///
/// # Errors
/// Any [`ImageError`]; a truncated or corrupt file never gives pixels.
pub fn decode(bytes: &[u8], options: &DecodeOptions) -> Result<Rgb, ImageError> {
    let header = probe(bytes)?;
    header.check_pixels(options.max_pixels.min(MAX_PIXELS))?;
    let data = match header.format {
        Format::Jpeg => jpeg::pixels(bytes)?,
        Format::Png => png::pixels(bytes, &header)?,
        Format::Gif => gif::pixels(bytes, &header)?,
        Format::WebP => webp::pixels(bytes, &header)?,
        Format::Bmp => bmp::pixels(bytes, &header)?,
        Format::Tiff => tiff::pixels(bytes)?,
    };
    let rgb = Rgb { width: header.width, height: header.height, data };
    let orientation = match (header.format, options.exif_orientation) {
        (Format::Tiff, _) => tiff::orientation(bytes),
        (_, ExifOrientation::Ignore) => None,
        (Format::Jpeg, _) => jpeg::orientation(bytes),
        (Format::Png, _) => png::orientation(bytes),
        (Format::WebP, _) => webp::orientation(bytes),
        (Format::Gif | Format::Bmp, _) => None,
    };
    orientation.unwrap_or(Orientation::Upright).apply(rgb)
}

/// Black RGB pixels of `header`'s size.
fn black(header: &Header) -> Result<Vec<u8>, ImageError> {
    memory::zeros([header.width as usize, header.height as usize, 3])
}
