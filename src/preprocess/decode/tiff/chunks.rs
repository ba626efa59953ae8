//! One strip or tile of a TIFF, decompressed: plain, PackBits, LZW, Deflate or JPEG, and the
//! horizontal predictor. No more is decompressed than the image needs, and less is an error.

use std::{borrow::Cow, io::Read};

use flate2::read::ZlibDecoder;

use super::{
    layout::{Kind, Layout},
    source::Source,
};
use crate::preprocess::{
    decode::{
        jpeg::{self, Space},
        lzw::{self, Dialect, InvalidCode},
        memory,
    },
    error::ImageError,
    probe::Format,
};

/// How a strip or tile is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    PackBits,
    Lzw,
    Deflate,
    Jpeg,
}

impl Compression {
    /// From the value of tag 259.
    pub(super) fn from_tag(value: u64) -> Result<Self, ImageError> {
        let name = match value {
            1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            7 => return Ok(Self::Jpeg),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            2..=4 => "fax",
            6 => "old JPEG",
            34925 => "LZMA",
            50000 => "Zstandard",
            50001 => "WebP",
            _ => "unknown",
        };
        let detail = format!("compression {value} ({name})");
        Err(ImageError::unsupported(Format::Tiff, detail))
    }
}

/// The place of a strip or tile.
pub(super) struct Chunk {
    pub(super) index: usize,
    pub(super) plane: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    /// Columns and rows that are inside the image.
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Columns that are stored, with a tile's padding, and the most rows that may be.
    pub(super) stored_width: usize,
    pub(super) max_rows: usize,
}

/// The rows of `chunk` that are inside the image, `Layout::row_bytes` each.
pub(super) fn read<'a>(
    source: &Source<'a>,
    layout: &Layout,
    chunk: &Chunk,
) -> Result<Cow<'a, [u8]>, ImageError> {
    let needed = layout.row_bytes(chunk.stored_width) * chunk.rows;
    let bytes = source.bytes(chunk)?;
    let plain = layout.compression == Compression::None;
    let mut stored = Cow::Borrowed(if plain { &bytes[..needed.min(bytes.len())] } else { bytes });
    if layout.reversed_bits && layout.compression != Compression::Jpeg {
        stored = stored.iter().map(|byte| byte.reverse_bits()).collect();
    }
    let mut data = match layout.compression {
        Compression::None => stored,
        Compression::PackBits => Cow::Owned(unpack_bits(&stored, needed)?),
        Compression::Lzw => Cow::Owned(lzw(&stored, needed)?),
        Compression::Deflate => Cow::Owned(deflate(&stored, needed)?),
        Compression::Jpeg => Cow::Owned(jpeg_rows(&stored, source, layout, chunk)?),
    };
    if data.len() < needed {
        let detail = format!("strip or tile {} has {} of {needed} bytes", chunk.index, data.len());
        return Err(ImageError::truncated(Format::Tiff, detail));
    }
    if layout.differences {
        let row = layout.row_bytes(chunk.stored_width);
        data.to_mut().chunks_exact_mut(row).for_each(|row| sum_differences(row, layout));
    }
    Ok(data)
}

/// PackBits (TIFF 6.0, section 9), up to `needed` bytes.
fn unpack_bits(mut stored: &[u8], needed: usize) -> Result<Vec<u8>, ImageError> {
    // A run may pass the last byte.
    let mut out = memory::room([needed + 128, 1, 1])?;
    while out.len() < needed
        && let [count, rest @ ..] = stored
    {
        stored = match usize::from(*count) {
            count @ 0..=127 => {
                let (literal, rest) = rest.split_at(rest.len().min(count + 1));
                out.extend_from_slice(literal);
                rest
            }
            128 => rest,
            count => {
                let Some((value, rest)) = rest.split_first() else {
                    break;
                };
                out.resize(out.len() + 257 - count, *value);
                rest
            }
        };
    }
    Ok(out)
}

fn lzw(stored: &[u8], needed: usize) -> Result<Vec<u8>, ImageError> {
    let mut out = memory::zeros([needed, 1, 1])?;
    let filled = lzw::decode(Dialect::Tiff, 8, stored.iter().copied(), &mut out);
    let filled =
        filled.map_err(|InvalidCode| corrupt("an LZW code that is not known yet".into()))?;
    out.truncate(filled);
    Ok(out)
}

fn deflate(stored: &[u8], needed: usize) -> Result<Vec<u8>, ImageError> {
    let mut out = memory::room([needed, 1, 1])?;
    let mut limited = ZlibDecoder::new(stored).take(needed as u64);
    limited.read_to_end(&mut out).map_err(|error| corrupt(error.to_string()))?;
    Ok(out)
}

/// A strip or tile that is a JPEG with its tables elsewhere.
fn jpeg_rows(
    stored: &[u8],
    source: &Source<'_>,
    layout: &Layout,
    chunk: &Chunk,
) -> Result<Vec<u8>, ImageError> {
    let space = match layout.kind {
        _ if layout.planar => Space::Grey,
        Kind::Cmyk => Space::Cmyk,
        Kind::Rgb if layout.ycbcr => Space::YCbCr,
        Kind::Rgb => Space::Rgb,
        _ => Space::Grey,
    };
    let fits = |width, height| {
        width as usize == chunk.stored_width
            && (chunk.rows..=chunk.max_rows).contains(&(height as usize))
    };
    let rows = jpeg::embedded(source.jpeg_tables, stored, space, fits);
    let mut rows = rows.map_err(|error| match error {
        ImageError::OutOfMemory { .. } => error,
        error => corrupt(format!("strip or tile {}: {error}", chunk.index)),
    })?;
    if matches!(space, Space::Grey) {
        let pixels = rows.len() / 3;
        (0..pixels).for_each(|i| rows[i] = rows[3 * i]);
        rows.truncate(pixels);
    }
    Ok(rows)
}

/// Undoes the horizontal predictor: each sample was stored less the one to its left.
fn sum_differences(row: &mut [u8], layout: &Layout) {
    let step = layout.samples_in_chunk();
    if layout.bits == 8 {
        for i in step..row.len() {
            row[i] = row[i].wrapping_add(row[i - step]);
        }
        return;
    }
    let big_endian = layout.big_endian;
    let read = |bytes| {
        if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    };
    let samples = row.as_chunks_mut().0;
    for i in step..samples.len() {
        let sum = read(samples[i]).wrapping_add(read(samples[i - step]));
        samples[i] = if big_endian { sum.to_be_bytes() } else { sum.to_le_bytes() };
    }
}

fn corrupt(detail: String) -> ImageError {
    ImageError::corrupt(Format::Tiff, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pack_bits_gives_the_example_of_the_specification() {
        let stored = [
            0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7,
            0xAA,
        ];
        let mut expected = vec![0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA];
        expected.extend([0x80, 0x00, 0x2A, 0x22]);
        expected.extend([0xAA; 10]);
        assert_eq!(unpack_bits(&stored, 24).unwrap(), expected);
    }
}
