//! YCbCr to RGB by rows, with the sums of libjpeg's `ycc_rgb_convert` (see `decode::color`).

use crate::preprocess::decode::color::ycbcr_to_rgb;

/// Pixels that are converted at once.
const CHUNK: usize = 16;

/// Converts a row of samples in three planes, each at least as long as `rgb` has pixels.
pub(super) fn ycbcr_row_to_rgb([luma, blue, red]: [&[u8]; 3], rgb: &mut [u8]) {
    let (chunks, rest) = rgb.as_chunks_mut::<{ 3 * CHUNK }>();
    let done = chunks.len() * CHUNK;
    let samples = luma.as_chunks().0.iter().zip(blue.as_chunks().0);
    for (out, ((luma, blue), red)) in chunks.iter_mut().zip(samples.zip(red.as_chunks().0)) {
        let [r, g, b] = ycbcr_chunk_to_rgb(luma, blue, red);
        for i in 0..CHUNK {
            (out[3 * i], out[3 * i + 1], out[3 * i + 2]) = (r[i], g[i], b[i]);
        }
    }
    for (i, pixel) in (done..).zip(rest.as_chunks_mut().0) {
        *pixel = ycbcr_to_rgb([luma[i], blue[i], red[i]]);
    }
}

/// `ycbcr_to_rgb` in planes, for vector units: the whole part of each constant is taken out of
/// the product (91881 = 65536 + 26345, and so on), so that the rest fits in 16 bits.
#[inline(always)]
fn ycbcr_chunk_to_rgb(
    luma: &[u8; CHUNK],
    blue: &[u8; CHUNK],
    red: &[u8; CHUNK],
) -> [[u8; CHUNK]; 3] {
    const HALF: i32 = 1 << 15;
    let clamp = |v: i16| v.clamp(0, 255) as u8;
    // `(v * by + HALF) >> 16`, for `v` of 9 bits: the high half of a product is one instruction.
    let product = |v: i16, by: i16| (((i32::from(2 * v) * i32::from(by)) >> 16) as i16 + 1) >> 1;
    let [mut r, mut g, mut b] = [[0; CHUNK]; 3];
    for i in 0..CHUNK {
        let y = i16::from(luma[i]);
        let (cb, cr) = (i16::from(blue[i]) - 128, i16::from(red[i]) - 128);
        let (wide_cb, wide_cr) = (i32::from(cb), i32::from(cr));
        let green = -22_554 * wide_cb + 18_734 * wide_cr;
        r[i] = clamp(y + cr + product(cr, 26_345));
        g[i] = clamp(y - cr + ((green + HALF) >> 16) as i16);
        b[i] = clamp(y + 2 * cb + product(cb, -14_942));
    }
    [r, g, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_converted_as_its_pixels_are() {
        // All pairs of chroma, in rows that are no multiple of a chunk long.
        for cb in 0..=255 {
            let red: Vec<u8> = (0..=255).chain(0..5).collect();
            let blue = vec![cb; red.len()];
            let luma: Vec<u8> = red.iter().map(|v| v.wrapping_mul(91)).collect();
            let mut row = vec![0; 3 * red.len()];
            ycbcr_row_to_rgb([&luma, &blue, &red], &mut row);
            for (i, pixel) in row.as_chunks().0.iter().enumerate() {
                assert_eq!(*pixel, ycbcr_to_rgb([luma[i], cb, red[i]]));
            }
        }
    }
}
