//! The JPEG decoder of the feature `libjpeg-turbo`: that of Pillow, with its defaults (accurate
//! integer DCT, smooth upsampling), so pixels are equal byte for byte.

use turbojpeg::{Decompressor, Image, PixelFormat};

use super::stream::{Space, Stream};
use crate::preprocess::{error::ImageError, probe::Format};

/// YCCK comes out as CMYK.
pub(super) const CONVERTS_YCCK: bool = true;

/// A warning about bytes between the last pixel and the next marker, which cost no pixel.
const HARMLESS: &str = "extraneous bytes before marker";

/// Decodes to three bytes a pixel (RGB), or four (CMYK as stored).
pub(super) fn decode(stream: &Stream<'_>, space: Space) -> Result<Vec<u8>, ImageError> {
    let clean = stream.rebuild(space, &[0xFF, 0xD9]);
    let format = match space {
        Space::Grey | Space::YCbCr | Space::Rgb => PixelFormat::RGB,
        Space::Cmyk | Space::Ycck => PixelFormat::CMYK,
    };
    let (width, height) = (usize::from(stream.frame.width), usize::from(stream.frame.height));
    let pitch = width * format.size();
    let mut image = Image { pixels: vec![0; pitch * height], width, pitch, height, format };
    let mut decompressor = Decompressor::new().map_err(error)?;
    match decompressor.decompress(&clean, image.as_deref_mut()) {
        Err(warning) if !warning.to_string().contains(HARMLESS) => Err(error(warning)),
        _ => Ok(image.pixels),
    }
}

fn error(error: turbojpeg::Error) -> ImageError {
    ImageError::corrupt(Format::Jpeg, error.to_string())
}
