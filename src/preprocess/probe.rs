//! What an upload is, from its first bytes and its header alone: format, size, kind of pixels.
//! No pixel is allocated and no name or content type is believed, so a request can be refused
//! or its memory reserved before any of it is spent.

use std::fmt;

use super::{
    decode::{bmp, gif, jpeg, png, tiff, webp},
    error::ImageError,
};

/// The image formats that are read, recognised by content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG (ITU T.81).
    Jpeg,
    /// PNG and APNG.
    Png,
    /// GIF87a and GIF89a.
    Gif,
    /// WebP, lossy and lossless.
    WebP,
    /// Windows and OS/2 bitmap.
    Bmp,
    /// TIFF 6.0 and BigTIFF.
    Tiff,
}

impl Format {
    /// The format whose signature opens `bytes`, if it is one that is read.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'B', b'M', ..] => Some(Self::Bmp),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Gif => "GIF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
        })
    }
}

/// Bytes a pixel of a row: a few rows, as they are stored and as RGB.
const ROW_BYTES: u128 = 64;
/// Bytes of a decoder's tables and windows, whatever the image.
const DECODER_BYTES: u128 = 1 << 20;
/// Bytes that the WebP decoder takes for a partition of lossy data before it looks whether the file
/// has as many: what 24 bits can say.
const WEBP_PARTITION: u128 = 1 << 24;

/// What the header of a file says about the image that will be decoded (its first frame or page).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The format, by content.
    pub format: Format,
    /// Width in pixels as stored, before any orientation tag. Never zero.
    pub width: u32,
    /// Height in pixels as stored, before any orientation tag. Never zero.
    pub height: u32,
    /// Samples a pixel as stored: 1 (grey or palette) to 6. For [`Header::decode_bytes`].
    pub channels: u8,
    /// Bits a sample as stored: 1 to 16. For [`Header::decode_bytes`].
    pub bits: u8,
    /// JPEG only: all coefficients are held in memory while it decodes. For
    /// [`Header::decode_bytes`].
    pub progressive: bool,
}

impl Header {
    /// Pixels of the image: width times height.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The most bytes that decoding holds at once, beside the file (of a WebP, and with
    /// libjpeg-turbo of a JPEG, there is a second copy): what may be reserved for it.
    /// True of the costliest file with this header; most take less. Of a TIFF nothing is known
    /// of its strips, so one is taken to be all of it, and stored as progressive JPEG.
    pub fn decode_bytes(&self) -> u64 {
        let pixels = u128::from(self.pixels());
        // Turning an image upright takes a copy.
        let turned = match self.format {
            Format::Gif | Format::Bmp => 0,
            Format::Jpeg | Format::Png | Format::WebP | Format::Tiff => 6 * pixels,
        };
        let rows = ROW_BYTES * u128::from(self.width);
        let most = turned.max(self.buffers(pixels)) + rows + DECODER_BYTES;
        u64::try_from(most).unwrap_or(u64::MAX)
    }

    /// Bytes of RGB, and of what it is made from.
    fn buffers(&self, pixels: u128) -> u128 {
        let samples = u128::from(self.channels);
        let colors = samples.max(3);
        // JPEG fills up its last blocks, and holds some rows of them.
        let padded = (u128::from(self.width) + 31) * (u128::from(self.height) + 31 + 64);
        let codes =
            u128::from(webp::codes::FREE_BYTES) + u128::from(webp::codes::BYTES_A_PIXEL) * pixels;
        match self.format {
            Format::Gif => (3 + 1) * pixels,
            Format::Bmp if self.bits <= 8 => (3 + 1) * pixels,
            Format::Bmp | Format::Png => 3 * pixels,
            // libjpeg keeps coefficients wherever there are several scans.
            Format::Jpeg if self.progressive || cfg!(feature = "libjpeg-turbo") => {
                colors * pixels + 2 * samples * padded
            }
            Format::Jpeg => colors * pixels + samples * padded,
            // RGBA, planes of 4:2:0, and alpha that is decoded as if it were RGBA.
            Format::WebP => 11 * pixels + codes + WEBP_PARTITION,
            Format::Tiff => {
                let depth = u128::from(self.bits.div_ceil(8));
                let tile = if self.bits == 8 { colors + 2 * samples } else { depth * samples };
                let area = padded + u128::from(tiff::TILE_SLACK);
                samples.min(4) * pixels + tile.max(3) * area
            }
        }
    }

    /// Refuses an image of more than `max_pixels` pixels.
    ///
    /// # Errors
    /// [`ImageError::TooManyPixels`], which names both numbers and the setting.
    pub fn check_pixels(&self, max_pixels: u64) -> Result<(), ImageError> {
        let Self { format, width, height, .. } = *self;
        match self.pixels() {
            pixels if pixels > max_pixels => {
                Err(ImageError::TooManyPixels { format, width, height, pixels, limit: max_pixels })
            }
            _ => Ok(()),
        }
    }
}

/// Reads format, size and kind of pixels from the header of `bytes`. Allocates no pixels.
///
/// # Errors
/// [`ImageError::Empty`], [`ImageError::UnknownFormat`], [`ImageError::ZeroSize`], or what is
/// wrong with the header.
pub fn probe(bytes: &[u8]) -> Result<Header, ImageError> {
    let header = match Format::detect(bytes) {
        Some(Format::Jpeg) => jpeg::header(bytes)?,
        Some(Format::Png) => png::header(bytes)?,
        Some(Format::Gif) => gif::header(bytes)?,
        Some(Format::WebP) => webp::header(bytes)?,
        Some(Format::Bmp) => bmp::header(bytes)?,
        Some(Format::Tiff) => tiff::header(bytes)?,
        None if bytes.is_empty() => return Err(ImageError::Empty),
        None => return Err(ImageError::unknown(bytes)),
    };
    match header {
        Header { format, width, height, .. } if width == 0 || height == 0 => {
            Err(ImageError::ZeroSize { format, width, height })
        }
        header => Ok(header),
    }
}

/// The first bytes in hexadecimal, with a guess at what sends them.
pub(super) fn describe(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02X}")).collect();
    let guess = match bytes {
        [b'%', b'P', b'D', b'F', ..] => " (PDF?)",
        [b'P', b'K', 3, 4, ..] => " (a ZIP archive?)",
        [0x1F, 0x8B, ..] => " (gzip?)",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => " (AVIF?)",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', ..] => " (HEIC?)",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => " (a video?)",
        [0, 0, 1, 0, ..] => " (ICO?)",
        [0, 0, 0, 12, b'j', b'P', ..] => " (JPEG 2000?)",
        [b'8', b'B', b'P', b'S', ..] => " (PSD?)",
        [b'/', b'9', b'j', b'/', ..] | [b'i', b'V', b'B', b'O', ..] => {
            " (base64 text that was not decoded?)"
        }
        [b'<', ..] => " (SVG, HTML or XML?)",
        [b'{' | b'[', ..] => " (JSON?)",
        _ => "",
    };
    format!("{}{guess}", hex.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_bytes_are_named_with_a_guess() {
        let error = probe(b"%PDF-1.7 and more").unwrap_err();
        assert_eq!(error.code(), "unknown_image_format");
        let message = error.to_string();
        assert!(message.contains("25 50 44 46 2D 31 2E 37 (PDF?)"), "{message}");
        assert!(message.contains("JPEG, PNG, GIF, WebP, BMP and TIFF"), "{message}");
    }

    #[test]
    fn no_bytes_are_an_error_of_their_own() {
        assert_eq!(probe(b""), Err(ImageError::Empty));
    }

    #[test]
    fn too_many_pixels_are_refused_by_the_header_alone() {
        let mut bmp = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bmp.extend(60_000u32.to_le_bytes());
        bmp.extend(60_000u32.to_le_bytes());
        bmp.extend([1, 0, 24, 0]);
        bmp.extend([0; 24]);
        let header = probe(&bmp).unwrap();
        assert_eq!(header.pixels(), 3_600_000_000);
        let message = header.check_pixels(178_956_970).unwrap_err().to_string();
        assert!(message.contains("60000 x 60000 = 3600000000"), "{message}");
        assert!(message.contains("178956970 (--max-image-pixels)"), "{message}");
    }
}
