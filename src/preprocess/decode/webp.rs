//! WebP, lossy and lossless; of an animation the first frame, placed on black as libwebp's
//! animation decoder does for Pillow. The frame is handed to the decoder as a still picture of
//! its own, so that no blending touches the colour of transparent pixels.

pub(in crate::preprocess) mod codes;

use std::io::{Cursor, ErrorKind};

use image_webp::{DecodingError, WebPDecoder};

use super::{
    black,
    bytes::{array, u16_le, u24_le, u32_le},
    color::{drop_alpha, shrink_to_rgb},
    memory,
};
use crate::preprocess::{
    error::ImageError,
    orientation::Orientation,
    probe::{Format, Header},
};

/// `VP8X` flag: the file is an animation.
const ANIMATION: u8 = 0x02;
/// `VP8X` flags that must be zero, as libwebp demands.
const RESERVED: u8 = 0xC1;
/// `ALPH`, the lowest two bits: alpha is the green of a lossless stream.
const LOSSLESS_ALPHA: u8 = 1;
/// `VP8X` flag: there is an alpha channel.
const ALPHA: u8 = 0x10;

/// Format, size and kind of pixels.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, ImageError> {
    let (name, data) = Chunks(body(bytes)?).next().ok_or_else(no_image)?;
    let header = |width, height, channels| {
        Ok(Header { format: Format::WebP, width, height, channels, bits: 8, progressive: false })
    };
    if name != b"VP8X" {
        let [width, height, channels] = bitstream_size(name, data).ok_or_else(no_image)?;
        return header(width, height, channels as u8);
    }
    match (data.first(), u24_le(data, 4), u24_le(data, 7)) {
        (Some(flags), Some(w), Some(h)) if flags & RESERVED == 0 => {
            header(w + 1, h + 1, if flags & ALPHA != 0 { 4 } else { 3 })
        }
        _ => Err(no_image()),
    }
}

/// The first frame as RGB.
pub(crate) fn pixels(bytes: &[u8], header: &Header) -> Result<Vec<u8>, ImageError> {
    let frame = first_frame(body(bytes)?, header)?;
    let data = decode_still(&frame)?;
    if (frame.width, frame.height) == (header.width, header.height) {
        return Ok(data);
    }
    let mut canvas = black(header)?;
    let (row, stride) = (frame.width as usize * 3, header.width as usize * 3);
    let start = frame.top as usize * stride + frame.left as usize * 3;
    for (out, stored) in canvas[start..].chunks_mut(stride).zip(data.chunks_exact(row)) {
        out[..row].copy_from_slice(stored);
    }
    Ok(canvas)
}

/// The orientation in the `EXIF` or `XMP ` chunk.
pub(crate) fn orientation(bytes: &[u8]) -> Option<Orientation> {
    let body = body(bytes).ok()?;
    let find = |wanted| Chunks(body).find(|(name, _)| *name == wanted).map(|(_, data)| data);
    Orientation::from_metadata(find(b"EXIF"), find(b"XMP "))
}

/// A compressed picture and its place on the canvas.
struct Frame<'a> {
    left: u32,
    top: u32,
    width: u32,
    height: u32,
    alpha: Option<&'a [u8]>,
    name: &'a [u8; 4],
    data: &'a [u8],
}

fn first_frame<'a>(body: &'a [u8], header: &Header) -> Result<Frame<'a>, ImageError> {
    let mut chunks = Chunks(body);
    let animated = match chunks.clone().next() {
        Some((b"VP8X", data)) => data.first().is_some_and(|flags| flags & ANIMATION != 0),
        _ => false,
    };
    if !animated {
        return still(body, [0, 0, header.width, header.height]);
    }
    let (_, frame) = chunks.find(|(name, _)| *name == b"ANMF").ok_or_else(no_image)?;
    let field = |offset| u24_le(frame, offset).ok_or_else(no_image);
    let place = [field(0)? * 2, field(3)? * 2, field(6)? + 1, field(9)? + 1];
    let [left, top, width, height] = place;
    if left + width > header.width || top + height > header.height {
        return Err(corrupt("its first frame exceeds the canvas"));
    }
    still(frame.get(16..).ok_or_else(no_image)?, place)
}

/// The picture among `chunks`, whose size must be that of `place`.
fn still(chunks: &[u8], [left, top, width, height]: [u32; 4]) -> Result<Frame<'_>, ImageError> {
    let mut alpha = None;
    for (name, data) in Chunks(chunks) {
        match name {
            b"ALPH" => alpha = Some(data),
            b"VP8 " | b"VP8L" => {
                let size = bitstream_size(name, data).map(|[w, h, _]| [w, h]);
                if size != Some([width, height]) {
                    return Err(corrupt("the picture's size is not that of its frame"));
                }
                let alpha = alpha.filter(|_| name == b"VP8 ");
                return Ok(Frame { left, top, width, height, alpha, name, data });
            }
            _ => {}
        }
    }
    Err(no_image())
}

/// Width, height and channels that a `VP8 ` or `VP8L` bitstream opens with.
fn bitstream_size(name: &[u8; 4], data: &[u8]) -> Option<[u32; 3]> {
    match name {
        b"VP8 " if array(data, 3) == Some([0x9D, 0x01, 0x2A]) => {
            let side = |offset| u16_le(data, offset).map(|v| u32::from(v & 0x3FFF));
            Some([side(6)?, side(8)?, 3])
        }
        b"VP8L" if data.first() == Some(&0x2F) => {
            let bits = u32_le(data, 1)?;
            let channels = 3 + (bits >> 28 & 1);
            Some([(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, channels])
        }
        _ => None,
    }
}

/// Refuses lossless streams, of colour or of alpha, whose codes would take too much memory.
fn check_codes(frame: &Frame<'_>) -> Result<(), ImageError> {
    let check = |stream| codes::check(stream, frame.width, frame.height);
    if frame.name == b"VP8L" {
        // Signature and size, 40 bits in all.
        check(frame.data.get(5..).unwrap_or_default())?;
    }
    match frame.alpha {
        Some([flags, stream @ ..]) if flags & 3 == LOSSLESS_ALPHA => check(stream),
        _ => Ok(()),
    }
}

fn decode_still(frame: &Frame<'_>) -> Result<Vec<u8>, ImageError> {
    check_codes(frame)?;
    let file = still_file(frame);
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(error)?;
    let size = decoder.output_buffer_size().ok_or_else(no_image)?;
    let mut data = memory::zeros([size, 1, 1])?;
    decoder.read_image(&mut data).map_err(error)?;
    Ok(if decoder.has_alpha() { shrink_to_rgb(data, drop_alpha) } else { data })
}

/// The bytes of a WebP file that holds `frame` alone.
fn still_file(frame: &Frame<'_>) -> Vec<u8> {
    // Three chunks with their headers, padding, and the extended header.
    let length = frame.data.len() + frame.alpha.map_or(0, <[u8]>::len) + 64;
    let mut file = Vec::with_capacity(length);
    file.extend_from_slice(b"RIFF\0\0\0\0WEBP");
    if let Some(alpha) = frame.alpha {
        let mut extended = [ALPHA, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        extended[4..7].copy_from_slice(&(frame.width - 1).to_le_bytes()[..3]);
        extended[7..].copy_from_slice(&(frame.height - 1).to_le_bytes()[..3]);
        push_chunk(&mut file, b"VP8X", &extended);
        push_chunk(&mut file, b"ALPH", alpha);
    }
    push_chunk(&mut file, frame.name, frame.data);
    let size = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

fn push_chunk(file: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    file.extend_from_slice(name);
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(data);
    file.resize(file.len().next_multiple_of(2), 0);
}

/// The chunks of the file, which must be all there.
fn body(bytes: &[u8]) -> Result<&[u8], ImageError> {
    let size = u32_le(bytes, 4).unwrap_or_default() as usize;
    bytes.get(12..size + 8).ok_or_else(|| {
        let detail = format!("its header says {} bytes, it has {}", size + 8, bytes.len());
        ImageError::truncated(Format::WebP, detail)
    })
}

/// RIFF chunks, by name and data; ends at the first that is not complete.
#[derive(Clone)]
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.0.first_chunk()?;
        let size = u32_le(self.0, 4)? as usize;
        let data = self.0.get(8..size + 8)?;
        self.0 = self.0.get(size.next_multiple_of(2) + 8..).unwrap_or_default();
        Some((name, data))
    }
}

fn error(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => short(),
        error => corrupt(&error.to_string()),
    }
}

fn short() -> ImageError {
    ImageError::truncated(Format::WebP, "its picture ends too early")
}

fn no_image() -> ImageError {
    corrupt("it holds no complete picture")
}

fn corrupt(detail: &str) -> ImageError {
    ImageError::corrupt(Format::WebP, detail)
}
