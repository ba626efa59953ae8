//! The orientation tag of a photo and what it asks for, as Pillow's `ImageOps.exif_transpose`:
//! EXIF tag 274 first, else `tiff:Orientation` in XMP. Damaged metadata counts as none.

use super::{
    decode::{Rgb, memory},
    error::ImageError,
};

/// EXIF tag 274, `Orientation`.
const ORIENTATION: u16 = 0x0112;

/// How the stored pixels must be moved to stand upright (EXIF values 1 to 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// 1: as stored.
    Upright,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3: turned by half.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored at the main diagonal.
    Transpose,
    /// 6: to be turned clockwise by a quarter.
    Rotate90,
    /// 7: mirrored at the other diagonal.
    Transverse,
    /// 8: to be turned counterclockwise by a quarter.
    Rotate270,
}

impl Orientation {
    /// The orientation with EXIF value `value`; `None` for values that mean nothing.
    pub fn from_value(value: u32) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::FlipHorizontal,
            3 => Self::Rotate180,
            4 => Self::FlipVertical,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => return None,
        })
    }

    /// From the EXIF and XMP blocks of a file, of which either may be missing. An EXIF block that
    /// has the tag decides, even with a value that means nothing.
    pub fn from_metadata(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Option<Self> {
        let value = exif.and_then(exif_value).or_else(|| xmp.and_then(xmp_value));
        value.and_then(Self::from_value)
    }

    /// Moves the pixels of `image`. Width and height are exchanged where it is turned by a quarter.
    ///
    /// # Errors
    /// [`ImageError::OutOfMemory`]: pixels that move need a second buffer of their size.
    pub fn apply(self, image: Rgb) -> Result<Rgb, ImageError> {
        let (w, h) = (image.width as usize, image.height as usize);
        match self {
            Self::Upright => Ok(image),
            Self::FlipHorizontal => remap(&image, w, h, |x, y| (w - 1 - x, y)),
            Self::Rotate180 => remap(&image, w, h, |x, y| (w - 1 - x, h - 1 - y)),
            Self::FlipVertical => remap(&image, w, h, |x, y| (x, h - 1 - y)),
            Self::Transpose => remap(&image, h, w, |x, y| (y, x)),
            Self::Rotate90 => remap(&image, h, w, |x, y| (y, h - 1 - x)),
            Self::Transverse => remap(&image, h, w, |x, y| (w - 1 - y, h - 1 - x)),
            Self::Rotate270 => remap(&image, h, w, |x, y| (w - 1 - y, x)),
        }
    }
}

/// A `width` x `height` image whose pixel (x, y) is the pixel `source(x, y)` of `image`.
fn remap(
    image: &Rgb,
    width: usize,
    height: usize,
    source: impl Fn(usize, usize) -> (usize, usize),
) -> Result<Rgb, ImageError> {
    let mut data = memory::room([width, height, 3])?;
    let stride = image.width as usize * 3;
    for y in 0..height {
        for x in 0..width {
            let (sx, sy) = source(x, y);
            let start = sy * stride + sx * 3;
            data.extend_from_slice(&image.data[start..start + 3]);
        }
    }
    Ok(Rgb { width: width as u32, height: height as u32, data })
}

/// The value of the orientation tag in the first directory of an EXIF block, with or without
/// its `Exif\0\0` prefix.
fn exif_value(mut exif: &[u8]) -> Option<u32> {
    for _ in 0..2 {
        exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    }
    let big_endian = match exif.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let bytes = |offset: usize, len: usize| exif.get(offset..offset.checked_add(len)?);
    let number = |offset: usize, len: usize| {
        let digits = bytes(offset, len)?;
        let add = |n: u32, digit: &u8| n << 8 | u32::from(*digit);
        Some(if big_endian { digits.iter().fold(0, add) } else { digits.iter().rev().fold(0, add) })
    };
    let directory = number(4, 4)? as usize;
    let entries = number(directory, 2)? as usize;
    let entry = (0..entries)
        .map(|i| directory + 2 + 12 * i)
        .find(|&entry| number(entry, 2) == Some(u32::from(ORIENTATION)))?;
    match number(entry + 2, 2)? {
        1 => number(entry + 8, 1),
        3 => number(entry + 8, 2),
        4 => number(entry + 8, 4),
        _ => None,
    }
}

/// The digit of `tiff:Orientation="6"` or `<tiff:Orientation>6</...>`.
fn xmp_value(xmp: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"tiff:Orientation";
    xmp.windows(NAME.len()).enumerate().filter(|(_, name)| *name == NAME).find_map(|(at, _)| {
        let rest = &xmp[at + NAME.len()..];
        let digit = rest.strip_prefix(b"=\"").or_else(|| rest.strip_prefix(b">"))?.first()?;
        char::from(*digit).to_digit(10)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 2 x 3 image whose pixel values are 0 to 5.
    fn image() -> Rgb {
        Rgb { width: 2, height: 3, data: (0..6).flat_map(|v| [v; 3]).collect() }
    }

    #[test]
    fn each_value_moves_pixels_as_exif_transpose_does() {
        // From numpy: transposes and flips of [[0, 1], [2, 3], [4, 5]].
        let expected: [(u32, [u8; 6]); 8] = [
            (2, [0, 1, 2, 3, 4, 5]),
            (2, [1, 0, 3, 2, 5, 4]),
            (2, [5, 4, 3, 2, 1, 0]),
            (2, [4, 5, 2, 3, 0, 1]),
            (3, [0, 2, 4, 1, 3, 5]),
            (3, [4, 2, 0, 5, 3, 1]),
            (3, [5, 3, 1, 4, 2, 0]),
            (3, [1, 3, 5, 0, 2, 4]),
        ];
        for (value, (width, pixels)) in (1..).zip(expected) {
            let turned = Orientation::from_value(value).unwrap().apply(image()).unwrap();
            let got: Vec<u8> = turned.data.chunks(3).map(|p| p[0]).collect();
            assert_eq!((turned.width, &got[..]), (width, &pixels[..]), "orientation {value}");
        }
    }

    #[test]
    fn xmp_counts_only_where_exif_has_no_tag() {
        let xmp = b"<x tiff:Orientation=\"6\"/>".as_slice();
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0";
        let none = b"MM\0*\0\0\0\x08\0\0\0\0\0\0".as_slice();
        let of = Orientation::from_metadata;
        assert_eq!(of(Some(exif), Some(xmp)), Some(Orientation::Rotate180));
        assert_eq!(of(Some(none), Some(xmp)), Some(Orientation::Rotate90));
        assert_eq!(of(None, Some(b"<tiff:Orientation>8<")), Some(Orientation::Rotate270));
        assert_eq!(of(Some(b"MM\0*\xFF\xFF\xFF\xFF"), None), None);
    }
}
