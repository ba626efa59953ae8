//! The first frame of a GIF with Pillow's rules (`GifImagePlugin.py`): a frame that is smaller
//! than the screen is placed on index 0, or on the transparent index where the frame has one;
//! a frame that exceeds the screen widens the image; transparent pixels keep their colour.

use super::{
    black,
    bytes::u16_le,
    color::Palette,
    lzw::{self, Dialect, InvalidCode},
    memory,
};
use crate::preprocess::{
    error::ImageError,
    probe::{Format, Header},
};

/// What stands before the first frame's pixels.
struct Frame<'a> {
    /// The size of the image: the screen, widened to hold the frame.
    width: u32,
    height: u32,
    /// The frame's own place: left, top, width, height.
    place: [usize; 4],
    palette: Palette,
    transparent: Option<u8>,
    interlaced: bool,
    code_size: u8,
    /// The blocks of compressed pixels and all that follows.
    data: &'a [u8],
}

/// Format, size and kind of pixels.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let Frame { width, height, .. } = first_frame(bytes)?;
    Ok(Header { format: Format::Gif, width, height, channels: 1, bits: 8, progressive: false })
}

/// The first frame as RGB.
pub(crate) fn pixels(bytes: &[u8], header: &Header) -> Result<Vec<u8>, ImageError> {
    let frame = first_frame(bytes)?;
    let [left, top, width, height] = frame.place;
    let indices = decompress(&frame, width * height)?;
    let mut rgb = black(header)?;
    let background = frame.palette.color(frame.transparent.unwrap_or(0));
    rgb.as_chunks_mut().0.fill(background);
    let stride = header.width as usize * 3;
    for (row, y) in indices.chunks_exact(width).zip(row_order(height, frame.interlaced)) {
        let start = (top + y) * stride + left * 3;
        frame.palette.expand(row.iter().copied(), &mut rgb[start..start + width * 3]);
    }
    Ok(rgb)
}

fn first_frame(bytes: &[u8]) -> Result<Frame<'_>, ImageError> {
    read_frame(bytes)
        .ok_or_else(|| ImageError::truncated(Format::Gif, "it ends before the first frame"))?
}

/// `None` where the bytes end too early.
fn read_frame(bytes: &[u8]) -> Option<Result<Frame<'_>, ImageError>> {
    let screen = [u16_le(bytes, 6)?, u16_le(bytes, 8)?].map(u32::from);
    let (global, mut at) = read_palette(bytes, *bytes.get(10)?, 13)?;
    let mut transparent = None;
    loop {
        match bytes.get(at)? {
            b';' => return Some(Err(corrupt("it has no frame"))),
            b'!' => {
                transparent = transparent_index(&bytes[at..]).or(transparent);
                at = skip_blocks(bytes, at + 2)?;
            }
            b',' => break,
            // Pillow skips stray bytes between blocks.
            _ => at += 1,
        }
    }
    let [left, top, width, height] = [1, 3, 5, 7].map(|offset| u16_le(bytes, at + offset));
    let place = [left?, top?, width?, height?].map(usize::from);
    let flags = *bytes.get(at + 9)?;
    let (local, at) = read_palette(bytes, flags, at + 10)?;
    let frame = Frame {
        width: screen[0].max((place[0] + place[2]) as u32),
        height: screen[1].max((place[1] + place[3]) as u32),
        place,
        palette: local.or(global).unwrap_or_else(Palette::identity),
        transparent,
        interlaced: flags & 0x40 != 0,
        code_size: *bytes.get(at)?,
        data: &bytes[at + 1..],
    };
    Some(check(frame))
}

/// The transparent index that an extension sets, if it is a graphic control with one.
fn transparent_index(extension: &[u8]) -> Option<u8> {
    match extension {
        [_, 0xF9, length, flags, _, _, index, ..] if *length >= 4 && flags & 1 != 0 => Some(*index),
        _ => None,
    }
}

fn check(frame: Frame<'_>) -> Result<Frame<'_>, ImageError> {
    if frame.place[2] == 0 || frame.place[3] == 0 {
        return Err(corrupt("its first frame has no pixels"));
    }
    if !(1..=11).contains(&frame.code_size) {
        return Err(corrupt(&format!("LZW code size {} of the first frame", frame.code_size)));
    }
    Ok(frame)
}

/// The palette at `at` where `flags` announces one, and the offset behind it. As in Pillow a
/// palette that is nothing but the grey ramp counts as none.
fn read_palette(bytes: &[u8], flags: u8, at: usize) -> Option<(Option<Palette>, usize)> {
    if flags & 0x80 == 0 {
        return Some((None, at));
    }
    let end = at + (6 << (flags & 7));
    let colors = bytes.get(at..end)?;
    let is_ramp = colors.chunks_exact(3).zip(0u8..).all(|(color, v)| color == [v; 3]);
    Some(((!is_ramp).then(|| Palette::from_rgb(colors)), end))
}

/// The offset behind a chain of data blocks that starts at `at`.
fn skip_blocks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1 + length;
        if length == 0 {
            return Some(at);
        }
    }
}

/// The most pixels that one byte of compressed data can stand for: a code of 12 bits has a text of
/// less than 4096, and shorter codes have still shorter ones.
const MAX_PIXELS_A_BYTE: usize = 4096 * 8 / 12;

/// The `count` palette indices of the frame, rows in stored order.
fn decompress(frame: &Frame<'_>, count: usize) -> Result<Vec<u8>, ImageError> {
    if frame.data.len().saturating_mul(MAX_PIXELS_A_BYTE) < count {
        return Err(short(0, count));
    }
    let mut indices = memory::zeros([count, 1, 1])?;
    let data = Blocks { rest: frame.data, block: &[] };
    match lzw::decode(Dialect::Gif, frame.code_size.into(), data, &mut indices) {
        Ok(filled) if filled < count => Err(short(filled, count)),
        Ok(_) => Ok(indices),
        Err(InvalidCode) => Err(corrupt("first frame: a code that is not known yet")),
    }
}

/// The bytes of a chain of data blocks, to the empty one or to where the file ends.
struct Blocks<'a> {
    rest: &'a [u8],
    block: &'a [u8],
}

impl Iterator for Blocks<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.block.is_empty() {
            let (&length, rest) = self.rest.split_first()?;
            (self.block, self.rest) = rest.split_at_checked(length.into())?;
        }
        let (&byte, block) = self.block.split_first()?;
        self.block = block;
        Some(byte)
    }
}

/// The rows of the image in the order in which they are stored.
fn row_order(height: usize, interlaced: bool) -> Box<dyn Iterator<Item = usize>> {
    if !interlaced {
        return Box::new(0..height);
    }
    let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
    Box::new(passes.into_iter().flat_map(move |(first, step)| (first..height).step_by(step)))
}

fn short(filled: usize, count: usize) -> ImageError {
    let detail = format!("the first frame has {filled} of {count} pixels");
    ImageError::truncated(Format::Gif, detail)
}

fn corrupt(detail: &str) -> ImageError {
    ImageError::corrupt(Format::Gif, detail)
}
