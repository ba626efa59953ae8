//! Promises of `decode`: the size that the header says, three bytes a pixel, no more memory than
//! `Header::decode_bytes`, and the same file turned upright has the same pixels in another order.

use libfuzzer_sys::Corpus;

use crate::{
    heap,
    preprocess::{DecodeOptions, ExifOrientation, Format, Rgb, decode, probe},
};

/// Small, so that a second has thousands of files.
const MAX_PIXELS: u64 = 1 << 16;

/// Bytes that decoding may hold beside those for pixels: messages, and segments or tags, of which
/// each is kept by reference.
const SLACK: usize = 64 << 10;

const STORED: DecodeOptions =
    DecodeOptions { max_pixels: MAX_PIXELS, exif_orientation: ExifOrientation::Ignore };
const UPRIGHT: DecodeOptions = DecodeOptions { exif_orientation: ExifOrientation::Apply, ..STORED };

/// Panics where `decode` breaks a promise on `file`. Files of another format, or larger ones, are
/// not kept.
pub fn check(format: Format, file: &[u8]) -> Corpus {
    if Format::detect(file) != Some(format) {
        return Corpus::Reject;
    }
    let header = match probe(file) {
        Ok(header) if header.pixels() > MAX_PIXELS => {
            assert_eq!(decode(file, &STORED).map_err(|e| e.code()), Err("too_many_pixels"));
            return Corpus::Reject;
        }
        Ok(header) => header,
        Err(refused) => {
            assert_eq!(decode(file, &STORED), Err(refused));
            return Corpus::Keep;
        }
    };
    let (stored, held) = heap::peak(|| decode(file, &STORED));
    let most = header.decode_bytes() as usize + 2 * file.len() + SLACK;
    assert!(held <= most, "decoding held {held} bytes, more than {most}: {header:?}");
    let (upright, held) = heap::peak(|| decode(file, &UPRIGHT));
    assert!(held <= most, "turning held {held} bytes, more than {most}: {header:?}");
    match (stored, upright) {
        (Ok(stored), Ok(upright)) => {
            let size = [header.width, header.height];
            // The orientation of a TIFF is always applied.
            assert!(format == Format::Tiff || [stored.width, stored.height] == size, "{header:?}");
            check_pixels(&stored, size);
            check_pixels(&upright, size);
            assert_eq!(sum(&stored), sum(&upright), "turning changes pixels");
        }
        (stored, upright) => assert_eq!(stored, upright),
    }
    Corpus::Keep
}

fn check_pixels(rgb: &Rgb, [width, height]: [u32; 2]) {
    let size = [rgb.width, rgb.height];
    assert!(size == [width, height] || size == [height, width], "{size:?}");
    assert_eq!(rgb.data.len(), 3 * width as usize * height as usize);
}

fn sum(rgb: &Rgb) -> u64 {
    rgb.data.iter().copied().map(u64::from).sum()
}
