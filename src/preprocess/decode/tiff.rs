//! The first page of a TIFF or BigTIFF, with the modes that Pillow opens (`TiffImagePlugin.py`,
//! `OPEN_INFO`): grey of 1 to 16 bits in both senses, palette, RGB, RGBA and CMYK of 8 and 16
//! bits, in strips or tiles, chunky or planar, plain, PackBits, LZW, Deflate or JPEG.
//! The orientation tag is always applied, as Pillow does when it loads a TIFF.

mod chunks;
mod directory;
mod layout;
mod source;

use std::borrow::Cow;

use chunks::Chunk;
use directory::Directory;
pub(crate) use layout::TILE_SLACK;
use layout::{Kind, Layout};
use source::Source;

use super::{
    color::{Palette, cmyk_to_rgb, drop_alpha, shrink_to_rgb, unpack, unpremultiply},
    memory,
};
use crate::preprocess::{
    error::ImageError,
    orientation::Orientation,
    probe::{Format, Header},
};

/// TIFF tag 700: an XMP packet.
const XMP: u16 = 700;
/// TIFF tag 274, as in EXIF.
const ORIENTATION: u16 = 274;

/// Format, size and kind of pixels.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let layout = Layout::read(&Directory::read(bytes)?)?;
    Ok(Header {
        format: Format::Tiff,
        width: layout.width,
        height: layout.height,
        channels: layout.samples as u8,
        bits: layout.bits,
        progressive: false,
    })
}

/// The pixels as RGB, as stored: the caller turns them upright.
pub(crate) fn pixels(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let directory = Directory::read(bytes)?;
    let layout = Layout::read(&directory)?;
    let samples = read_samples(&directory, &layout)?;
    match layout.kind {
        Kind::Rgb => Ok(samples),
        Kind::Rgba => Ok(shrink_to_rgb(samples, drop_alpha)),
        Kind::RgbaPremultiplied => Ok(shrink_to_rgb(samples, unpremultiply)),
        Kind::Cmyk => Ok(shrink_to_rgb(samples, cmyk_to_rgb)),
        Kind::Grey => expand(&samples, &Palette::grey(layout.bits)),
        Kind::GreyInverted => expand(&samples, &Palette::grey(layout.bits).inverted()),
        Kind::Palette => expand(&samples, &layout.palette),
    }
}

/// The orientation tag, else the one in XMP.
pub(crate) fn orientation(bytes: &[u8]) -> Option<Orientation> {
    let directory = Directory::read(bytes).ok()?;
    match directory.number(ORIENTATION) {
        Some(value) => Orientation::from_value(u32::try_from(value).ok()?),
        None => Orientation::from_metadata(None, directory.bytes(XMP)),
    }
}

fn expand(samples: &[u8], palette: &Palette) -> Result<Vec<u8>, ImageError> {
    let mut rgb = memory::zeros([samples.len(), 3, 1])?;
    palette.expand(samples.iter().copied(), &mut rgb);
    Ok(rgb)
}

/// One byte a sample, the channels of a pixel together; of 16 bits the high byte.
fn read_samples(directory: &Directory<'_>, layout: &Layout) -> Result<Vec<u8>, ImageError> {
    let source = Source::new(directory, layout)?;
    let keep = layout.kind.channels();
    let mut out = memory::zeros([layout.width as usize, layout.height as usize, keep])?;
    for chunk in layout.chunks() {
        if layout.planar && chunk.plane >= keep {
            break;
        }
        let data = chunks::read(&source, layout, &chunk)?;
        place(&data, layout, &chunk, &mut out);
    }
    Ok(out)
}

/// Copies the rows of a chunk to their place.
fn place(data: &[u8], layout: &Layout, chunk: &Chunk, out: &mut [u8]) {
    let keep = layout.kind.channels();
    let stride = layout.width as usize * keep;
    let rows = data.chunks_exact(layout.row_bytes(chunk.stored_width)).take(chunk.rows);
    for (y, row) in rows.enumerate() {
        let start = (chunk.top + y) * stride + chunk.left * keep;
        let pixels = &mut out[start..start + chunk.columns * keep];
        let samples = bytes_of(row, layout);
        match layout.samples_in_chunk() {
            _ if layout.planar => {
                let channel = pixels.iter_mut().skip(chunk.plane).step_by(keep);
                channel.zip(samples.iter()).for_each(|(out, sample)| *out = *sample);
            }
            stored if stored == keep => pixels.copy_from_slice(&samples[..pixels.len()]),
            stored => {
                for (pixel, run) in pixels.chunks_mut(keep).zip(samples.chunks_exact(stored)) {
                    pixel.copy_from_slice(&run[..keep]);
                }
            }
        }
    }
}

/// The samples of a row as bytes.
fn bytes_of<'a>(row: &'a [u8], layout: &Layout) -> Cow<'a, [u8]> {
    let high = usize::from(!layout.big_endian);
    match layout.bits {
        8 => Cow::Borrowed(row),
        16 => row.iter().copied().skip(high).step_by(2).collect(),
        bits => unpack(row, bits).collect(),
    }
}
