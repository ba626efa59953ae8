//! Colour conversions in Pillow's own integer arithmetic (`libImaging/Convert.c`, `Unpack.c`)
//! and libjpeg's (`jdcolor.c`). Those that shrink a pixel work in place, so a large image is
//! not copied.

/// A palette of 256 RGB colours; entries that a file does not give are black, as in Pillow.
pub(super) struct Palette([[u8; 3]; 256]);

impl Palette {
    /// From colours of three bytes, red first; what exceeds 256 colours is ignored.
    pub(super) fn from_rgb(bytes: &[u8]) -> Self {
        Self::from_colors(bytes.as_chunks().0.iter().copied())
    }

    /// From colours in order.
    pub(super) fn from_colors(colors: impl Iterator<Item = [u8; 3]>) -> Self {
        let mut table = [[0; 3]; 256];
        for (entry, color) in table.iter_mut().zip(colors) {
            *entry = color;
        }
        Self(table)
    }

    /// Grey values as they are: index `i` is the colour (i, i, i).
    pub(super) fn identity() -> Self {
        Self::from_colors((0..=255).map(|v| [v; 3]))
    }

    /// Grey of `bits` bits (1, 2, 4 or 8) spread over 0 to 255.
    pub(super) fn grey(bits: u8) -> Self {
        let max = u8::MAX >> (8 - bits.clamp(1, 8));
        Self::from_colors((0..=max).map(|v| [v * (u8::MAX / max); 3]))
    }

    /// The same with each colour's complement.
    pub(super) fn inverted(self) -> Self {
        Self(self.0.map(|color| color.map(|v| 255 - v)))
    }

    /// The colour of `index`.
    pub(super) fn color(&self, index: u8) -> [u8; 3] {
        self.0[usize::from(index)]
    }

    /// Writes the colours of `indices` to `rgb`, three bytes for each.
    pub(super) fn expand(&self, indices: impl Iterator<Item = u8>, rgb: &mut [u8]) {
        for (pixel, index) in rgb.as_chunks_mut().0.iter_mut().zip(indices) {
            *pixel = self.color(index);
        }
    }
}

/// The samples of `bits` bits (1, 2, 4 or 8) packed in `row`, first sample in the highest bits.
pub(super) fn unpack(row: &[u8], bits: u8) -> impl Iterator<Item = u8> {
    let mask = u8::MAX >> (8 - bits);
    row.iter()
        .flat_map(move |&byte| (0..8 / bits).map(move |i| (byte >> (8 - bits * (i + 1))) & mask))
}

/// Turns four bytes a pixel into three in place, with `convert`, and cuts the buffer to size.
pub(super) fn shrink_to_rgb(mut data: Vec<u8>, convert: impl Fn([u8; 4]) -> [u8; 3]) -> Vec<u8> {
    let pixels = data.len() / 4;
    for i in 0..pixels {
        let pixel = [data[4 * i], data[4 * i + 1], data[4 * i + 2], data[4 * i + 3]];
        data[3 * i..3 * i + 3].copy_from_slice(&convert(pixel));
    }
    data.truncate(pixels * 3);
    data
}

/// Drops the fourth channel.
pub(super) fn drop_alpha([r, g, b, _]: [u8; 4]) -> [u8; 3] {
    [r, g, b]
}

/// Pillow's `cmyk2rgb`: 0 is no ink.
pub(super) fn cmyk_to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    let white = 255 - k;
    [c, m, y].map(|ink| white - multiply(ink, white))
}

/// CMYK as Adobe stores it in JPEG, inverted (255 is no ink).
pub(super) fn inverted_cmyk_to_rgb(pixel: [u8; 4]) -> [u8; 3] {
    cmyk_to_rgb(pixel.map(|v| 255 - v))
}

/// YCCK as Adobe stores it in JPEG: luma and chroma of CMY, and inverted black.
pub(super) fn inverted_ycck_to_rgb([y, cb, cr, k]: [u8; 4]) -> [u8; 3] {
    let [c, m, y] = ycbcr_to_rgb([y, cb, cr]);
    cmyk_to_rgb([c, m, y, 255 - k])
}

/// libjpeg's `ycc_rgb_convert` (ITU-R BT.601, full range) in 16-bit fixed point.
pub(super) fn ycbcr_to_rgb([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let (y, cb, cr) = (i32::from(y), i32::from(cb) - 128, i32::from(cr) - 128);
    // 1.402, 0.344136, 0.714136 and 1.772, times 65536.
    let r = y + ((91_881 * cr + HALF) >> 16);
    let g = y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16);
    let b = y + ((116_130 * cb + HALF) >> 16);
    [r, g, b].map(|v| v.clamp(0, 255) as u8)
}

/// Undoes premultiplication by alpha, as Pillow's unpacker of the raw mode `RGBa`.
pub(super) fn unpremultiply([r, g, b, a]: [u8; 4]) -> [u8; 3] {
    match u16::from(a) {
        0 => [0; 3],
        a => [r, g, b].map(|v| (u16::from(v) * 255 / a).min(255) as u8),
    }
}

/// `a * b / 255`, rounded: Pillow's `MULDIV255`.
fn multiply(a: u8, b: u8) -> u8 {
    let product = u16::from(a) * u16::from(b) + 128;
    (((product >> 8) + product) >> 8) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_bit_grey_reaches_white() {
        for (bits, max) in [(1, 1), (2, 3), (4, 15), (8, 255)] {
            let palette = Palette::grey(bits);
            assert_eq!((palette.color(0), palette.color(max)), ([0; 3], [255; 3]), "{bits} bits");
        }
    }

    #[test]
    fn samples_are_unpacked_from_the_highest_bits() {
        assert_eq!(unpack(&[0b1010_0000], 1).collect::<Vec<_>>(), [1, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(unpack(&[0b1101_0010], 2).collect::<Vec<_>>(), [3, 1, 0, 2]);
        assert_eq!(unpack(&[0xA5], 4).collect::<Vec<_>>(), [10, 5]);
    }

    #[test]
    fn cmyk_follows_pillow_to_the_last_bit() {
        // From Pillow: Image.new("CMYK", (1, 1), (10, 200, 77, 31)).convert("RGB").getpixel((0, 0))
        assert_eq!(cmyk_to_rgb([10, 200, 77, 31]), [215, 48, 156]);
        assert_eq!(cmyk_to_rgb([0, 0, 0, 0]), [255; 3]);
        assert_eq!(cmyk_to_rgb([9, 9, 9, 255]), [0; 3]);
    }
}
