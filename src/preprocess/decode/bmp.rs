//! BMP with Pillow's rules (`BmpImagePlugin.py`): palettes of 1, 4 and 8 bits, run-length coding
//! of 4 and 8 bits, 16 bits as 5-5-5 or 5-6-5, 24 and 32 bits, rows bottom-up or top-down,
//! OS/2 and Windows headers up to version 5.

use super::{
    black,
    bytes::{u16_le, u32_le},
    color::{Palette, unpack},
    memory,
};
use crate::preprocess::{
    error::ImageError,
    probe::{Format, Header},
};

/// Length of the file header, after which the bitmap header starts.
const FILE_HEADER: usize = 14;

/// What the two headers say.
struct Bitmap {
    width: u32,
    height: u32,
    top_down: bool,
    bits: u16,
    compression: Compression,
    /// Red, green and blue bytes of a 24 or 32-bit pixel.
    order: [usize; 3],
    /// 5-6-5 instead of 5-5-5.
    six_bit_green: bool,
    palette: Palette,
    /// Offset of the pixels in the file.
    pixels: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Rle8,
    Rle4,
    BitFields,
}

/// Format, size and kind of pixels.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let Bitmap { width, height, bits, .. } = read_headers(bytes)?;
    let (channels, bits) = match bits {
        16 => (3, 5),
        24 => (3, 8),
        32 => (4, 8),
        bits => (1, bits as u8),
    };
    Ok(Header { format: Format::Bmp, width, height, channels, bits, progressive: false })
}

/// The pixels as RGB.
pub(crate) fn pixels(bytes: &[u8], header: &Header) -> Result<Vec<u8>, ImageError> {
    let bitmap = read_headers(bytes)?;
    match bitmap.compression {
        Compression::None | Compression::BitFields => raw(bytes, &bitmap, header),
        Compression::Rle8 | Compression::Rle4 => {
            let indices = run_lengths(bytes, &bitmap)?;
            let mut rgb = black(header)?;
            for (y, row) in indices.chunks_exact(bitmap.width as usize).enumerate() {
                bitmap.palette.expand(row.iter().copied(), bitmap.row(&mut rgb, y));
            }
            Ok(rgb)
        }
    }
}

impl Bitmap {
    /// The row of `rgb` that holds stored row `y`.
    fn row<'a>(&self, rgb: &'a mut [u8], y: usize) -> &'a mut [u8] {
        let stride = self.width as usize * 3;
        let y = if self.top_down { y } else { self.height as usize - 1 - y };
        &mut rgb[y * stride..(y + 1) * stride]
    }
}

fn read_headers(bytes: &[u8]) -> Result<Bitmap, ImageError> {
    let truncated = || ImageError::truncated(Format::Bmp, "it ends inside the header");
    let offset = u32_le(bytes, 10).ok_or_else(truncated)? as usize;
    let size = u32_le(bytes, FILE_HEADER).ok_or_else(truncated)? as usize;
    let info = match size {
        12 | 40 | 52 | 56 | 64 | 108 | 124 => bytes.get(FILE_HEADER..FILE_HEADER + size),
        _ => return Err(unsupported(format!("a bitmap header of {size} bytes"))),
    };
    let info = info.ok_or_else(truncated)?;
    let mut bitmap = if size == 12 { core_header(info)? } else { info_header(info)? };
    if bitmap.compression == Compression::BitFields {
        read_masks(bytes, size, &mut bitmap)?;
    }
    let mut end = FILE_HEADER + size;
    if bitmap.compression == Compression::BitFields && size == 40 {
        end += 12;
    }
    let mut table = 0;
    if bitmap.bits <= 8 {
        let colors = match u32_le(info, 32) {
            Some(n) if n != 0 => n as usize,
            _ => 1 << bitmap.bits,
        };
        if colors > 65_536 {
            return Err(corrupt(format!("a palette of {colors} colours")));
        }
        let entry = if size == 12 { 3 } else { 4 };
        table = entry * colors;
        bitmap.palette = read_palette(bytes.get(end..).unwrap_or_default(), colors, entry);
    }
    // Some writers give no offset, or that of the palette.
    let behind_header = offset == 0 || bitmap.bits <= 8 && offset == FILE_HEADER + size;
    bitmap.pixels = if behind_header { end + table } else { offset };
    Ok(bitmap)
}

/// The OS/2 1.x header of 12 bytes. `info` has that length.
fn core_header(info: &[u8]) -> Result<Bitmap, ImageError> {
    let field = |offset| u16_le(info, offset).unwrap_or_default();
    let (width, height, bits) = (field(4).into(), field(6).into(), field(10));
    match bits {
        1 | 4 | 8 | 16 | 24 | 32 => Ok(Bitmap { width, height, bits, ..Bitmap::empty() }),
        bits => Err(unsupported(format!("{bits} bits a pixel"))),
    }
}

/// The Windows header, versions 3 to 5, or that of OS/2 2.x. `info` has at least 40 bytes.
fn info_header(info: &[u8]) -> Result<Bitmap, ImageError> {
    let field = |offset| u32_le(info, offset).unwrap_or_default();
    let top_down = info[11] == 0xFF;
    let height = if top_down { field(8).wrapping_neg() } else { field(8) };
    let bits = u16_le(info, 14).unwrap_or_default();
    let compression = match (field(16), bits) {
        (0, 1 | 4 | 8 | 16 | 24 | 32) => Compression::None,
        (1, 8) => Compression::Rle8,
        (2, 4) => Compression::Rle4,
        (3, 16 | 24 | 32) => Compression::BitFields,
        (compression, bits) => {
            return Err(unsupported(format!("compression {compression} with {bits} bits a pixel")));
        }
    };
    Ok(Bitmap { width: field(4), height, top_down, bits, compression, ..Bitmap::empty() })
}

impl Bitmap {
    /// The defaults of all that a header may leave open.
    fn empty() -> Self {
        Self {
            width: 0,
            height: 0,
            top_down: false,
            bits: 24,
            compression: Compression::None,
            order: [2, 1, 0],
            six_bit_green: false,
            palette: Palette::identity(),
            pixels: 0,
        }
    }
}

/// The channel masks of `BI_BITFIELDS`; the layouts are those that Pillow knows.
fn read_masks(bytes: &[u8], size: usize, bitmap: &mut Bitmap) -> Result<(), ImageError> {
    let mask = |i: usize| u32_le(bytes, FILE_HEADER + 40 + 4 * i).unwrap_or_default();
    let alpha = if size >= 56 { mask(3) } else { 0 };
    let layout = [mask(0), mask(1), mask(2), alpha];
    match (bitmap.bits, layout) {
        (16, [0xF800, 0x07E0, 0x001F, _]) => bitmap.six_bit_green = true,
        (16, [0x7C00, 0x03E0, 0x001F, _]) | (24, [0xFF_0000, 0xFF00, 0xFF, _]) => {}
        (32, [0xFF_0000, 0xFF00, 0xFF, 0 | 0xFF00_0000] | [0, 0, 0, 0]) => {}
        (32, [0xFF00_0000, 0xFF_0000, 0xFF00, 0 | 0xFF]) => bitmap.order = [3, 2, 1],
        (32, [0xFF00_0000, 0xFF00, 0xFF, 0 | 0xFF_0000]) => bitmap.order = [3, 1, 0],
        (32, [0xFF, 0xFF00, 0xFF_0000, 0xFF00_0000]) => bitmap.order = [0, 1, 2],
        (bits, masks) => {
            return Err(unsupported(format!("{bits} bits a pixel with channel masks {masks:X?}")));
        }
    }
    Ok(())
}

/// A palette of `colors` entries of `entry` bytes, blue first. A plain grey ramp stands for all
/// 256 values, also those beyond its end.
fn read_palette(bytes: &[u8], colors: usize, entry: usize) -> Palette {
    let entries = bytes.chunks_exact(entry).take(colors).map(|c| [c[2], c[1], c[0]]);
    let ramp = (0..=255u8).map(|v| [v; 3]);
    let is_ramp = entries.len() == colors && entries.clone().zip(ramp).all(|(a, b)| a == b);
    if is_ramp { Palette::identity() } else { Palette::from_colors(entries) }
}

/// Rows without compression, each padded to four bytes; the last may lack its padding.
fn raw(bytes: &[u8], bitmap: &Bitmap, header: &Header) -> Result<Vec<u8>, ImageError> {
    let data = bytes.get(bitmap.pixels..).unwrap_or_default();
    let row_bits = u64::from(bitmap.width) * u64::from(bitmap.bits);
    let needed = row_bits.div_ceil(8) as usize;
    let stride = (row_bits.div_ceil(32) * 4) as usize;
    let complete = data.len().saturating_sub(needed) / stride + usize::from(data.len() >= needed);
    if complete < bitmap.height as usize {
        let detail = format!("it holds {complete} of {} rows", bitmap.height);
        return Err(ImageError::truncated(Format::Bmp, detail));
    }
    let mut rgb = black(header)?;
    for (y, row) in data.chunks(stride).take(bitmap.height as usize).enumerate() {
        raw_row(&row[..needed], bitmap, bitmap.row(&mut rgb, y));
    }
    Ok(rgb)
}

fn raw_row(row: &[u8], bitmap: &Bitmap, rgb: &mut [u8]) {
    let out = rgb.as_chunks_mut::<3>().0;
    match bitmap.bits {
        1 | 4 | 8 => bitmap.palette.expand(unpack(row, bitmap.bits as u8), rgb),
        16 => {
            for (pixel, &stored) in out.iter_mut().zip(row.as_chunks().0) {
                *pixel = rgb_of_16_bits(u16::from_le_bytes(stored), bitmap.six_bit_green);
            }
        }
        bits => {
            for (pixel, stored) in out.iter_mut().zip(row.chunks_exact(usize::from(bits) / 8)) {
                *pixel = bitmap.order.map(|byte| stored[byte]);
            }
        }
    }
}

/// Pillow's `ImagingUnpackBGR15` and `ImagingUnpackBGR16`: scaled by 255 / 31 or 255 / 63, cut off.
fn rgb_of_16_bits(pixel: u16, six_bit_green: bool) -> [u8; 3] {
    let scale = |value: u16, max: u16| ((value & max) * 255 / max) as u8;
    if six_bit_green {
        [scale(pixel >> 11, 31), scale(pixel >> 5, 63), scale(pixel, 31)]
    } else {
        [scale(pixel >> 10, 31), scale(pixel >> 5, 31), scale(pixel, 31)]
    }
}

/// Palette indices of a run-length coded bitmap, stored rows in order: a port of Pillow's
/// `BmpRleDecoder`, which fills what a line or a jump leaves out with index 0.
fn run_lengths(bytes: &[u8], bitmap: &Bitmap) -> Result<Vec<u8>, ImageError> {
    let width = bitmap.width as usize;
    let total = width * bitmap.height as usize;
    let nibbles = bitmap.compression == Compression::Rle4;
    // A run may pass the last pixel.
    let mut out: Vec<u8> = memory::room([total + usize::from(u8::MAX), 1, 1])?;
    let (mut at, mut x) = (bitmap.pixels, 0);
    while out.len() < total {
        let Some(&[count, value]) = bytes.get(at..at.saturating_add(2)) else {
            break;
        };
        at += 2;
        match (count, value) {
            (0, 0) => {
                out.resize(out.len().next_multiple_of(width), 0);
                x = 0;
            }
            (0, 1) => break,
            (0, 2) => {
                let Some(&[right, up]) = bytes.get(at..at + 2) else {
                    break;
                };
                at += 2;
                let jump = usize::from(right) + usize::from(up) * width;
                out.resize(total.min(out.len() + jump), 0);
                x = out.len() % width;
            }
            (0, literal) => {
                let pixels = usize::from(literal).min(total - out.len());
                let length = if nibbles { pixels.div_ceil(2) } else { pixels };
                let Some(stored) = bytes.get(at..at + length) else {
                    break;
                };
                out.extend(unpack(stored, if nibbles { 4 } else { 8 }).take(pixels));
                x += usize::from(literal);
                at = (at + length).next_multiple_of(2);
            }
            (count, value) => {
                let pixels = usize::from(count).min(width.saturating_sub(x));
                let pair = if nibbles { [value >> 4, value & 15] } else { [value; 2] };
                out.extend(pair.iter().copied().cycle().take(pixels));
                x += pixels;
            }
        }
    }
    if out.len() < total {
        let detail = format!("its runs give {} of {total} pixels", out.len());
        return Err(ImageError::truncated(Format::Bmp, detail));
    }
    Ok(out)
}

fn corrupt(detail: String) -> ImageError {
    ImageError::corrupt(Format::Bmp, detail)
}

fn unsupported(detail: String) -> ImageError {
    ImageError::unsupported(Format::Bmp, detail)
}
