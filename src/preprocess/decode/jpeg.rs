//! JPEG, baseline and progressive: grey, YCbCr, RGB, CMYK and YCCK as libjpeg and Pillow take
//! them, with the pixels of Pillow byte for byte. The default decoder is our own; the cargo
//! feature `libjpeg-turbo` puts Pillow's in its place. Both are given a stream that `stream` has
//! checked to be complete and stripped of all that is not pixels.

#[cfg(not(feature = "libjpeg-turbo"))]
mod pure;
mod segments;
mod stream;
#[cfg(feature = "libjpeg-turbo")]
mod turbo;
mod work;

#[cfg(not(feature = "libjpeg-turbo"))]
use pure as decoder;
use segments::{APP1, SOS, segments};
pub(super) use stream::Space;
use stream::Stream;
#[cfg(feature = "libjpeg-turbo")]
use turbo as decoder;

use super::color::{inverted_cmyk_to_rgb, inverted_ycck_to_rgb, shrink_to_rgb};
use crate::preprocess::{
    error::ImageError,
    orientation::Orientation,
    probe::{Format, Header},
};

/// Format, size and kind of pixels, from the first frame header.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let frame = stream::frame(bytes)?;
    Ok(Header {
        format: Format::Jpeg,
        width: frame.width.into(),
        height: frame.height.into(),
        channels: frame.components.len() as u8,
        bits: 8,
        progressive: frame.is_progressive(),
    })
}

/// The pixels as RGB.
pub(crate) fn pixels(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let stream = Stream::read(bytes)?;
    work::check(&stream, work::FREE_VISITS)?;
    let space = stream.space();
    let data = decoder::decode(&stream, space)?;
    Ok(match space {
        Space::Grey | Space::YCbCr | Space::Rgb => data,
        Space::Cmyk => shrink_to_rgb(data, inverted_cmyk_to_rgb),
        Space::Ycck if decoder::CONVERTS_YCCK => shrink_to_rgb(data, inverted_cmyk_to_rgb),
        Space::Ycck => shrink_to_rgb(data, inverted_ycck_to_rgb),
    })
}

/// A JPEG inside another file: its `tables` may stand elsewhere, and `space` is what that file
/// says its colours are. Gives three bytes a pixel, or four where `space` is CMYK, as stored.
/// `fits` decides by width and height, before pixels are allocated.
pub(super) fn embedded(
    tables: &[u8],
    bytes: &[u8],
    space: Space,
    fits: impl Fn(u32, u32) -> bool,
) -> Result<Vec<u8>, ImageError> {
    let mut stream = Stream::read(bytes)?;
    let (width, height) = (stream.frame.width.into(), stream.frame.height.into());
    if !fits(width, height) || stream.frame.components.len() != space.components() {
        let found = stream.frame.components.len();
        let detail = format!("it holds {width} x {height} pixels of {found} components");
        return Err(ImageError::corrupt(Format::Jpeg, detail));
    }
    // There may be thousands of them, which share what is free.
    work::check(&stream, 0)?;
    if !tables.is_empty() {
        stream.prepend_tables(tables)?;
    }
    decoder::decode(&stream, space)
}

/// The orientation in the EXIF or XMP segment before the pixels.
pub(crate) fn orientation(bytes: &[u8]) -> Option<Orientation> {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    let (mut exif, mut xmp) = (None, None);
    let before_pixels = segments(bytes).map_while(Result::ok).take_while(|s| s.marker != SOS);
    for payload in before_pixels.filter(|s| s.marker == APP1).map(|s| s.payload) {
        if payload.starts_with(b"Exif\0\0") {
            exif = exif.or(Some(payload));
        }
        xmp = payload.strip_prefix(XMP).or(xmp);
    }
    Orientation::from_metadata(exif, xmp)
}
