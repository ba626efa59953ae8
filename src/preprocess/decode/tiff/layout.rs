//! What the tags of a TIFF say about its pixels: their kind, and how they are cut into strips or
//! tiles. All that is not read is refused here, and so is a layout whose tiles hold far more than
//! the image, before a pixel is allocated.

use super::{
    chunks::{Chunk, Compression},
    directory::Directory,
};
use crate::preprocess::{decode::color::Palette, error::ImageError, probe::Format};

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES_PER_PIXEL: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const PLANAR_CONFIGURATION: u16 = 284;
const PREDICTOR: u16 = 317;
const COLOR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;

/// The most samples a pixel: CMYK and two more, as in Pillow.
const MAX_SAMPLES: u64 = 6;

/// Pixels that one tile may hold beyond those of the whole image: small images are stored in tiles
/// of up to 2048 x 2048.
pub(crate) const TILE_SLACK: u64 = 1 << 22;

/// What the samples of a pixel mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Grey,
    GreyInverted,
    Palette,
    Rgb,
    Rgba,
    RgbaPremultiplied,
    Cmyk,
}

impl Kind {
    /// Samples of a pixel that its colour needs.
    pub(super) fn channels(self) -> usize {
        match self {
            Self::Grey | Self::GreyInverted | Self::Palette => 1,
            Self::Rgb => 3,
            Self::Rgba | Self::RgbaPremultiplied | Self::Cmyk => 4,
        }
    }
}

/// The pixels of the first page.
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bits: u8,
    /// Samples a pixel, with those that are not used.
    pub(super) samples: usize,
    pub(super) kind: Kind,
    pub(super) palette: Palette,
    /// Colours are stored as luma and chroma (JPEG only).
    pub(super) ycbcr: bool,
    pub(super) big_endian: bool,
    /// Each channel is stored on its own.
    pub(super) planar: bool,
    pub(super) compression: Compression,
    pub(super) differences: bool,
    /// The first pixel is in the lowest bits.
    pub(super) reversed_bits: bool,
    /// Columns and rows of a strip or tile.
    chunk: [u32; 2],
    pub(super) offsets_tag: u16,
    pub(super) counts_tag: u16,
}

impl Layout {
    pub(super) fn read(tags: &Directory<'_>) -> Result<Self, ImageError> {
        let side = |tag| match tags.number(tag).map(u32::try_from) {
            Some(Ok(side)) => Ok(side),
            _ => Err(corrupt(format!("its size (tag {tag}) is missing or not a size"))),
        };
        let [width, height] = [side(IMAGE_WIDTH)?, side(IMAGE_LENGTH)?];
        let compression = Compression::from_tag(tags.number(COMPRESSION).unwrap_or(1))?;
        let photometric = tags.number(PHOTOMETRIC).unwrap_or(0);
        let samples = tags.number(SAMPLES_PER_PIXEL).unwrap_or(1);
        if !(1..=MAX_SAMPLES).contains(&samples) {
            return Err(unsupported(format!("{samples} samples a pixel")));
        }
        let bits = read_bits(tags)?;
        let kind = kind(tags, photometric, bits, samples, compression)?;
        let (offsets_tag, counts_tag, chunk) = chunk_size(tags, width, height)?;
        let predictor = match compression {
            Compression::Lzw | Compression::Deflate => tags.number(PREDICTOR).unwrap_or(1),
            _ => 1,
        };
        if !(predictor == 1 || predictor == 2 && bits >= 8) {
            return Err(unsupported(format!("predictor {predictor} with {bits} bits a sample")));
        }
        let planar = tags.number(PLANAR_CONFIGURATION).unwrap_or(1);
        if !matches!(planar, 1 | 2) {
            return Err(corrupt(format!("its planar configuration is {planar}")));
        }
        let layout = Self {
            width,
            height,
            bits,
            samples: samples as usize,
            kind,
            palette: read_palette(tags),
            ycbcr: photometric == 6,
            big_endian: tags.big_endian,
            planar: samples > 1 && planar == 2,
            compression,
            differences: predictor == 2,
            reversed_bits: tags.number(FILL_ORDER) == Some(2),
            chunk,
            offsets_tag,
            counts_tag,
        };
        layout.check_tiles()?;
        Ok(layout)
    }

    /// Samples of a pixel in one chunk.
    pub(super) fn samples_in_chunk(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row of `width` pixels in a chunk.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        (width * self.samples_in_chunk() * usize::from(self.bits)).div_ceil(8)
    }

    /// The strips or tiles, in the order of their offsets.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        let planes = if self.planar { self.samples } else { 1 };
        let [w, h] = self.chunk.map(|side| side as usize);
        let (width, height) = (self.width as usize, self.height as usize);
        let places = (0..height)
            .step_by(h)
            .flat_map(move |top| (0..width).step_by(w).map(move |left| (left, top)));
        let all = (0..planes).flat_map(move |p| places.clone().map(move |place| (p, place)));
        all.enumerate().map(move |(index, (plane, (left, top)))| Chunk {
            index,
            plane,
            left,
            top,
            columns: w.min(width - left),
            rows: h.min(height - top),
            stored_width: w,
            max_rows: h,
        })
    }

    /// How many strips or tiles there are.
    pub(super) fn count(&self) -> u64 {
        let [across, down] = self.grid();
        let planes = if self.planar { self.samples as u64 } else { 1 };
        across.saturating_mul(down).saturating_mul(planes)
    }

    /// Strips or tiles across and down.
    fn grid(&self) -> [u64; 2] {
        let [w, h] = self.chunk;
        [self.width.div_ceil(w).into(), self.height.div_ceil(h).into()]
    }

    /// Refuses tiles that hold far more pixels than the image: one of them more than all of it and
    /// some, or all of them four times as many. So what limits the image limits them.
    fn check_tiles(&self) -> Result<(), ImageError> {
        let [w, h] = self.chunk.map(u64::from);
        let [across, down] = self.grid();
        let most = u64::from(self.width) * u64::from(self.height) + TILE_SLACK;
        let all = (across * w).saturating_mul(down * h);
        if w * h <= most && all <= most.saturating_mul(4) {
            return Ok(());
        }
        let size = format!("{} x {}", self.width, self.height);
        let detail = format!("tiles of {w} x {h} pixels for {size}; one may have {most}");
        Err(unsupported(detail))
    }
}

/// Bits a sample, which must be the same for all.
fn read_bits(tags: &Directory<'_>) -> Result<u8, ImageError> {
    let mut all: Vec<u64> = tags.numbers(BITS_PER_SAMPLE).map_or(vec![1], |n| n.take(8).collect());
    all.dedup();
    let format = tags.number(SAMPLE_FORMAT).unwrap_or(1);
    match (&all[..], format) {
        (&[bits @ (1 | 2 | 4 | 8 | 16)], 1) => Ok(bits as u8),
        (bits, _) => Err(unsupported(format!("{bits:?} bits a sample of format {format}"))),
    }
}

fn kind(
    tags: &Directory<'_>,
    photometric: u64,
    bits: u8,
    samples: u64,
    compression: Compression,
) -> Result<Kind, ImageError> {
    let extra: Vec<u64> = tags.numbers(EXTRA_SAMPLES).map_or(Vec::new(), |n| n.take(6).collect());
    let kind = match (photometric, bits, samples, &extra[..]) {
        (0, _, 1, []) => Kind::GreyInverted,
        (1, _, 1, []) | (1, 8, 2, [0 | 2]) => Kind::Grey,
        (3, 1 | 2 | 4 | 8, 1, []) | (3, 8, 2, [0 | 2]) if tags.numbers(COLOR_MAP).is_some() => {
            Kind::Palette
        }
        (2, 8 | 16, 3, []) => Kind::Rgb,
        (2, 8 | 16, 4, []) | (2, 8, 4, [999]) => Kind::Rgba,
        (2, 8 | 16, 4, [0 | 2]) | (2, 8, 5, [0 | 2, 0]) | (2, 8, 6, [0 | 2, 0, 0]) => Kind::Rgba,
        (2, 8 | 16, 4, [1]) | (2, 8, 5, [1, 0]) | (2, 8, 6, [1, 0, 0]) => Kind::RgbaPremultiplied,
        (5, 8 | 16, 4, []) | (5, 8, 5, [0]) | (5, 8, 6, [0, 0]) => Kind::Cmyk,
        (6, 8, 3, []) if compression == Compression::Jpeg => Kind::Rgb,
        _ => {
            let detail = format!(
                "photometric {photometric}, {samples} samples of {bits} bits, extra {extra:?}"
            );
            return Err(unsupported(detail));
        }
    };
    let plain = matches!(kind, Kind::Grey | Kind::Rgb | Kind::Cmyk);
    if compression == Compression::Jpeg && !(plain && bits == 8) {
        return Err(unsupported(format!("JPEG strips of photometric {photometric}")));
    }
    Ok(kind)
}

/// The tags of offsets and lengths, and columns and rows of a strip or tile.
fn chunk_size(
    tags: &Directory<'_>,
    width: u32,
    height: u32,
) -> Result<(u16, u16, [u32; 2]), ImageError> {
    let size = |tag, default: u32| {
        let value = tags.number(tag).unwrap_or(default.into());
        match u32::try_from(value) {
            Ok(0) | Err(_) => {
                Err(corrupt(format!("tag {tag}, the size of strips or tiles, is {value}")))
            }
            Ok(value) => Ok(value),
        }
    };
    // A side of zero is refused by the caller; strips must not be empty even then.
    let [width, height] = [width.max(1), height.max(1)];
    if tags.numbers(STRIP_OFFSETS).is_some() {
        let rows = size(ROWS_PER_STRIP, height)?.min(height);
        Ok((STRIP_OFFSETS, STRIP_BYTE_COUNTS, [width, rows]))
    } else {
        let tile = [size(TILE_WIDTH, 0)?, size(TILE_LENGTH, 0)?];
        Ok((TILE_OFFSETS, TILE_BYTE_COUNTS, tile))
    }
}

/// The palette: all reds, all greens, all blues, of 16 bits each.
fn read_palette(tags: &Directory<'_>) -> Palette {
    let values = tags.numbers(COLOR_MAP).into_iter().flatten();
    let high: Vec<u8> = values.take(3 * 65_536).map(|v| (v >> 8) as u8).collect();
    let size = high.len() / 3;
    Palette::from_colors((0..size).map(|i| [high[i], high[size + i], high[2 * size + i]]))
}

fn corrupt(detail: String) -> ImageError {
    ImageError::corrupt(Format::Tiff, detail)
}

fn unsupported(detail: String) -> ImageError {
    ImageError::unsupported(Format::Tiff, detail)
}
