//! A small JPEG of a photo, for a page.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use jpeg_encoder::{ColorType, Encoder};

use crate::preprocess::{DecodeOptions, ExifOrientation, MAX_PIXELS, Rgb, decode, probe};

/// The longest side in pixels: twice what the page shows, for fine displays.
const SIDE: u32 = 400;

const QUALITY: u8 = 78;

/// Bytes of a decode from which one is done at a time, whatever the number of threads.
const LARGE: u64 = 256 << 20;

/// Held while a large photo is decoded.
static TURN: Mutex<()> = Mutex::new(());

/// A JPEG of at most [`SIDE`] pixels a side; none where the file cannot be read any more.
pub(super) fn thumbnail(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    let is_large = probe(&bytes).ok()?.decode_bytes() > LARGE;
    let _turn = is_large.then(|| TURN.lock().unwrap_or_else(PoisonError::into_inner));
    // What was embedded was within the limits.
    let options =
        DecodeOptions { max_pixels: MAX_PIXELS, exif_orientation: ExifOrientation::Apply };
    let small = shrink(&decode(&bytes, &options).ok()?);
    let mut jpeg = Vec::new();
    let (width, height) = (u16::try_from(small.width).ok()?, u16::try_from(small.height).ok()?);
    Encoder::new(&mut jpeg, QUALITY).encode(&small.data, width, height, ColorType::Rgb).ok()?;
    Some(jpeg)
}

/// The mean of the pixels under each of the small picture's; one that is small already stays.
fn shrink(rgb: &Rgb) -> Rgb {
    let longest = rgb.width.max(rgb.height);
    if longest <= SIDE {
        return rgb.clone();
    }
    let scaled = |side: u32| {
        let scaled = u64::from(side) * u64::from(SIDE) / u64::from(longest);
        u32::try_from(scaled.max(1)).unwrap_or(SIDE)
    };
    let (width, height) = (scaled(rgb.width), scaled(rgb.height));
    let mut data = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            data.extend(mean(rgb, (x, width), (y, height)));
        }
    }
    Rgb { width, height, data }
}

/// The mean colour under a pixel of the small picture, given by its place on each axis and the
/// axis's length.
fn mean(rgb: &Rgb, (x, width): (u32, u32), (y, height): (u32, u32)) -> [u8; 3] {
    let under = |at: u32, of: u32, side: u32| {
        let edge = |at: u32| (u64::from(at) * u64::from(side) / u64::from(of)) as usize;
        edge(at)..edge(at + 1).max(edge(at) + 1)
    };
    let (columns, rows) = (under(x, width, rgb.width), under(y, height, rgb.height));
    let mut sums = [0_u64; 3];
    for row in rows.clone() {
        let row = &rgb.data[(row * rgb.width as usize + columns.start) * 3..][..columns.len() * 3];
        for pixel in row.as_chunks::<3>().0 {
            sums.iter_mut().zip(pixel).for_each(|(sum, &level)| *sum += u64::from(level));
        }
    }
    let count = (columns.len() * rows.len()) as u64;
    sums.map(|sum| ((sum + count / 2) / count) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_has_the_means_of_the_picture_and_its_shape() {
        let (width, height) = (1200, 800);
        let pixel = |at: u32| if at % width < 600 { [200, 100, 0] } else { [0, 100, 200] };
        let rgb = Rgb { width, height, data: (0..width * height).flat_map(pixel).collect() };
        let small = shrink(&rgb);
        assert_eq!((small.width, small.height), (400, 266));
        assert_eq!(small.data.len(), 400 * 266 * 3);
        assert_eq!(
            (&small.data[..3], &small.data[1197..1200]),
            (&[200, 100, 0][..], &[0, 100, 200][..])
        );
    }

    #[test]
    fn extreme_shapes_keep_a_pixel_each_way() {
        for (width, height) in [(1, 5000), (5000, 1), (401, 1)] {
            let data = vec![7; (width * height * 3) as usize];
            let small = shrink(&Rgb { width, height, data });
            assert_eq!(small.width.max(small.height), 400);
            assert!(small.data.iter().all(|level| *level == 7));
        }
    }
}
