//! PNG of every colour type and depth; of an APNG the default image, which Pillow shows first.
//! Checksums are verified, so damage is an error. 16-bit samples keep their high byte, grey of
//! 1, 2 and 4 bits is spread over 0 to 255, alpha and `tRNS` are dropped.

use std::{
    borrow::Cow,
    io::{Cursor, ErrorKind, Read},
};

use ::png::{
    BitDepth, ColorType, Decoder, DecodingError, InterlaceInfo, Limits, expand_interlaced_row,
};
use flate2::read::ZlibDecoder;

use super::{
    black,
    bytes::u32_be,
    color::{Palette, drop_alpha, unpack},
    memory,
};
use crate::preprocess::{
    error::ImageError,
    orientation::Orientation,
    probe::{Format, Header},
};

/// Length of the signature, after which the chunks start.
const SIGNATURE: usize = 8;

/// The keyword of ImageMagick's EXIF.
const RAW_PROFILE: &[u8] = b"Raw profile type exif";
const XMP: &[u8] = b"XML:com.adobe.xmp";

/// Bytes that the decoder may allocate for chunks other than pixels: its own default. Chunks that
/// are ignored (text, colour profile) take none.
const CHUNK_LIMIT: usize = 64 << 20;

/// The longest text that is searched for an orientation, in bytes: XMP of a camera has some kB.
const TEXT_LIMIT: u64 = 1 << 20;

/// The most bytes that one byte of deflated data can stand for: 258 for a code of two bits.
const MAX_INFLATION: u64 = 4 * 258;

/// The most texts that are inflated; a file has one or two that can hold an orientation.
const MAX_INFLATED: usize = 8;

/// Format, size and kind of pixels, from `IHDR`.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let truncated = || ImageError::truncated(Format::Png, "it ends inside IHDR");
    let (name, ihdr) = Chunks(bytes.get(SIGNATURE..).unwrap_or_default())
        .next()
        .filter(|(_, data)| data.len() >= 13)
        .ok_or_else(truncated)?;
    let size = (u32_be(ihdr, 0), u32_be(ihdr, 4), name);
    let (Some(width), Some(height), b"IHDR") = size else {
        return Err(ImageError::corrupt(Format::Png, "its first chunk is not IHDR"));
    };
    let channels = match ihdr[9] {
        0 | 3 => 1,
        4 => 2,
        2 => 3,
        _ => 4,
    };
    Ok(Header { format: Format::Png, width, height, channels, bits: ihdr[8], progressive: false })
}

/// Refuses, before anything is allocated, a file whose compressed pixels are too short for its size.
fn check_length(bytes: &[u8], header: &Header) -> Result<(), ImageError> {
    let stored = Chunks(&bytes[SIGNATURE..]).filter(|(name, _)| *name == b"IDAT");
    let stored: u64 = stored.map(|(_, data)| data.len() as u64).sum();
    let bits = u128::from(header.channels) * u128::from(header.bits);
    let needed = bits * u128::from(header.pixels()) / 8;
    if needed <= u128::from(stored.saturating_mul(MAX_INFLATION)) {
        return Ok(());
    }
    let detail = format!("it has {stored} bytes of compressed pixels, which cannot give {needed}");
    Err(ImageError::truncated(Format::Png, detail))
}

/// The pixels as RGB.
pub(crate) fn pixels(bytes: &[u8], header: &Header) -> Result<Vec<u8>, ImageError> {
    check_length(bytes, header)?;
    let mut options = ::png::DecodeOptions::default();
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(false);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits { bytes: CHUNK_LIMIT + header.width as usize * 16 });
    let mut reader = decoder.read_info().map_err(error)?;
    let info = reader.info();
    if let Some(frame) = info.frame_control
        && (frame.width, frame.height) != (header.width, header.height)
    {
        return Err(ImageError::corrupt(Format::Png, "its first frame does not fill the image"));
    }
    let (color, depth, interlaced) = (info.color_type, info.bit_depth, info.interlaced);
    let palette = match color {
        ColorType::Indexed => Palette::from_rgb(info.palette.as_deref().unwrap_or_default()),
        ColorType::Grayscale => Palette::grey((depth as u8).min(8)),
        _ => Palette::identity(),
    };
    let mut rgb = black(header)?;
    let stride = header.width as usize * 3;
    let mut pass_row = memory::zeros([stride, usize::from(interlaced), 1])?;
    let mut at = 0;
    while let Some(row) = reader.next_interlaced_row().map_err(error)? {
        match row.interlace() {
            InterlaceInfo::Null(_) => {
                expand_row(row.data(), color, depth, &palette, &mut rgb[at..at + stride]);
                at += stride;
            }
            InterlaceInfo::Adam7(info) => {
                expand_row(row.data(), color, depth, &palette, &mut pass_row);
                expand_interlaced_row(&mut rgb, stride, &pass_row, info, 24);
            }
        }
    }
    Ok(rgb)
}

/// Writes one row, or the row of a pass, as RGB; `out` may be longer.
fn expand_row(row: &[u8], color: ColorType, depth: BitDepth, palette: &Palette, out: &mut [u8]) {
    let sample = (depth as usize).div_ceil(8);
    match (color, depth) {
        (ColorType::Indexed, _)
        | (ColorType::Grayscale, BitDepth::One)
        | (ColorType::Grayscale, BitDepth::Two | BitDepth::Four | BitDepth::Eight) => {
            palette.expand(unpack(row, depth as u8), out);
        }
        (ColorType::Grayscale | ColorType::GrayscaleAlpha, _) => {
            palette.expand(row.iter().copied().step_by(sample * color.samples()), out);
        }
        (ColorType::Rgb, BitDepth::Eight) => out[..row.len()].copy_from_slice(row),
        (ColorType::Rgba, BitDepth::Eight) => {
            for (pixel, stored) in out.as_chunks_mut().0.iter_mut().zip(row.as_chunks().0) {
                *pixel = drop_alpha(*stored);
            }
        }
        (ColorType::Rgb | ColorType::Rgba, _) => {
            let pixels = row.chunks_exact(sample * color.samples());
            for (pixel, stored) in out.as_chunks_mut().0.iter_mut().zip(pixels) {
                *pixel = [stored[0], stored[sample], stored[2 * sample]];
            }
        }
    }
}

/// The orientation in `eXIf`, in ImageMagick's `Raw profile type exif`, or in XMP.
pub(crate) fn orientation(bytes: &[u8]) -> Option<Orientation> {
    let (mut exif, mut raw_profile, mut xmp) = (None, None, None);
    let mut inflated = 0;
    let chunks = Chunks(bytes.get(SIGNATURE..)?);
    for (name, data) in chunks.take_while(|(name, _)| *name != b"IEND") {
        if name == b"eXIf" {
            exif = Some(data);
            continue;
        }
        let Some(text) = Text::read(name, data) else { continue };
        // Other texts, which may be large, are not inflated.
        if !matches!(text.keyword, RAW_PROFILE | XMP) {
            continue;
        }
        inflated += usize::from(text.compressed);
        if inflated > MAX_INFLATED {
            break;
        }
        match (text.keyword, text.content()) {
            (_, None) => {}
            (XMP, content) => xmp = content,
            (_, Some(content)) => raw_profile = raw_exif(&content),
        }
    }
    Orientation::from_metadata(exif.or(raw_profile.as_deref()), xmp.as_deref())
}

/// A `tEXt`, `zTXt` or `iTXt` chunk.
struct Text<'a> {
    keyword: &'a [u8],
    compressed: bool,
    stored: &'a [u8],
}

impl<'a> Text<'a> {
    /// Nothing where the chunk is no text, or has no end of its keyword or language.
    fn read(name: &[u8; 4], data: &'a [u8]) -> Option<Self> {
        if !matches!(name, b"tEXt" | b"zTXt" | b"iTXt") {
            return None;
        }
        let (keyword, rest) = cut(data)?;
        let (compressed, stored) = match name {
            b"tEXt" => (false, rest),
            b"zTXt" => (true, rest.get(1..)?),
            _ => {
                let (_language, after) = cut(rest.get(2..)?)?;
                let (_translated, text) = cut(after)?;
                (rest[0] != 0, text)
            }
        };
        Some(Self { keyword, compressed, stored })
    }

    /// The text, inflated up to [`TEXT_LIMIT`]; nothing where that fails.
    fn content(&self) -> Option<Cow<'a, [u8]>> {
        if !self.compressed {
            return Some(Cow::Borrowed(self.stored));
        }
        let mut out = Vec::new();
        ZlibDecoder::new(self.stored).take(TEXT_LIMIT).read_to_end(&mut out).ok()?;
        Some(Cow::Owned(out))
    }
}

/// What stands before and after the first zero byte.
fn cut(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = data.iter().position(|&b| b == 0)?;
    Some((&data[..zero], &data[zero + 1..]))
}

/// The bytes of ImageMagick's profile text: a line break, name, length, then lines of hexadecimal.
fn raw_exif(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split(|&b| b == b'\n').skip(3);
    let digits = lines.flatten().map(|&b| char::from(b).to_digit(16).map(|d| d as u8));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    Some(digits.as_chunks().0.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The chunks of a PNG, by name and data; ends where the bytes do. Checksums are not looked at.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = u32_be(self.0, 0)? as usize;
        let name = self.0.get(4..)?.first_chunk()?;
        let data = self.0.get(8..length.checked_add(8)?)?;
        self.0 = self.0.get(length + 12..).unwrap_or_default();
        Some((name, data))
    }
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            ImageError::truncated(Format::Png, "it ends before the last row")
        }
        error => ImageError::corrupt(Format::Png, error.to_string()),
    }
}
