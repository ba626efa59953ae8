//! The JPEG decoder of the feature `libjpeg-turbo`: that of Pillow, with its defaults (accurate
//! integer DCT, smooth upsampling), so pixels are equal byte for byte.

use turbojpeg::{Decompressor, Image, PixelFormat};

use super::{
    segments::{EOI, SOI, Segment},
    stream::{APP14, Space, Stream},
};
use crate::preprocess::{decode::memory, error::ImageError, probe::Format};

/// YCCK comes out as CMYK.
pub(super) const CONVERTS_YCCK: bool = true;

/// A warning about bytes between the last pixel and the next marker, which cost no pixel.
const HARMLESS: &str = "extraneous bytes before marker";

/// Decodes to three bytes a pixel (RGB), or four (CMYK as stored).
pub(super) fn decode(stream: &Stream<'_>, space: Space) -> Result<Vec<u8>, ImageError> {
    let clean = rebuild(stream, space);
    let format = match space {
        Space::Grey | Space::YCbCr | Space::Rgb => PixelFormat::RGB,
        Space::Cmyk | Space::Ycck => PixelFormat::CMYK,
    };
    let (width, height) = (usize::from(stream.frame.width), usize::from(stream.frame.height));
    let pitch = width * format.size();
    let pixels = memory::zeros([pitch, height, 1])?;
    let mut image = Image { pixels, width, pitch, height, format };
    let mut decompressor = Decompressor::new().map_err(error)?;
    match decompressor.decompress(&clean, image.as_deref_mut()) {
        Err(warning) if !warning.to_string().contains(HARMLESS) => Err(error(warning)),
        _ => Ok(image.pixels),
    }
}

/// A clean file, with an Adobe segment that says `space`.
fn rebuild(stream: &Stream<'_>, space: Space) -> Vec<u8> {
    let length = |s: &Segment<'_>| 4 + s.payload.len() + s.entropy.len();
    let total: usize = stream.segments().iter().map(length).sum();
    let mut out = Vec::with_capacity(total + 20);
    out.extend([0xFF, SOI]);
    let transform = match space {
        Space::Rgb | Space::Cmyk => 0,
        Space::YCbCr | Space::Grey => 1,
        Space::Ycck => 2,
    };
    if space != Space::Grey {
        out.extend([0xFF, APP14, 0, 14]);
        out.extend_from_slice(b"Adobe\0\x64\0\0\0\0");
        out.push(transform);
    }
    for segment in stream.segments() {
        out.extend([0xFF, segment.marker]);
        // A payload was read behind such a length, so it fits in one.
        out.extend((segment.payload.len() as u16 + 2).to_be_bytes());
        out.extend_from_slice(segment.payload);
        out.extend_from_slice(segment.entropy);
    }
    out.extend([0xFF, EOI]);
    out
}

fn error(error: turbojpeg::Error) -> ImageError {
    ImageError::corrupt(Format::Jpeg, error.to_string())
}
