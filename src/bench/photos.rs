//! Photos for the load, made from a seed: gradients, soft shapes and the grain that makes a camera's
//! files as large as they are. A row is made when it is encoded, so the largest image needs no
//! pixels in memory.

use jpeg_encoder::{ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};

/// Largest width or height: JPEG's.
pub const LARGEST_SIDE: u16 = 65_535;

/// Quality of JPEGs: what the clients of the original service send.
const JPEG_QUALITY: u8 = 95;

/// What a photo is to be.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// Pixels, at least 1.
    pub width: u16,
    /// Pixels, at least 1.
    pub height: u16,
    /// How it is encoded.
    pub format: Format,
    /// Strength of its grain: the largest step, in levels, from one pixel to the next.
    pub texture: u8,
}

/// How a photo is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Quality 95, chroma halved both ways (4:2:0), as Pillow writes it by default.
    Jpeg {
        /// In scans of rising detail.
        progressive: bool,
    },
    /// RGB of 8 bits.
    Png,
}

/// Why a photo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    /// The JPEG encoder's reason.
    #[error("cannot make a JPEG: {0}")]
    Jpeg(#[from] jpeg_encoder::EncodingError),
    /// The PNG encoder's reason.
    #[error("cannot make a PNG: {0}")]
    Png(#[from] png::EncodingError),
}

impl Picture {
    /// Encodes the photo of `seed`; another seed is another photo of about the same size.
    ///
    /// # Errors
    /// When the encoder refuses it.
    pub fn encode(&self, seed: u64) -> Result<Vec<u8>, PhotoError> {
        let scene = Scene { picture: *self, seed };
        let mut file = Vec::new();
        match self.format {
            Format::Jpeg { progressive } => {
                let mut encoder = jpeg_encoder::Encoder::new(&mut file, JPEG_QUALITY);
                encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
                encoder.set_progressive(progressive);
                encoder.encode_image(scene)?;
            }
            Format::Png => scene.encode_png(&mut file)?,
        }
        Ok(file)
    }
}

/// One photo before it is encoded.
struct Scene {
    picture: Picture,
    seed: u64,
}

/// Soft shapes, from large to small: pixels from one point of a lattice to the next, and levels
/// between its extremes.
const SHAPES: [(usize, f32); 3] = [(256, 90.0), (48, 50.0), (12, 24.0)];

impl Scene {
    /// Calls `pixel` with each RGB of row `y`, from left to right.
    fn row(&self, y: u16, mut pixel: impl FnMut([u8; 3])) {
        let Picture { width, height, texture, .. } = self.picture;
        let (width, y) = (usize::from(width), usize::from(y));
        let shapes = SHAPES.map(|(cell, levels)| self.lattice_row(y, cell, levels));
        let down = y as f32 / f32::from(height);
        let mut grain = Random(hash(self.seed, 1, 0, y as u64));
        for x in 0..width {
            let across = x as f32 / width as f32;
            let [large, middle, small] = [0, 1, 2].map(|i| {
                let (cell, line): (usize, &Vec<f32>) = (SHAPES[i].0, &shapes[i]);
                blend(line[x / cell], line[x / cell + 1], (x % cell) as f32 / cell as f32)
            });
            let noise = (f32::from(grain.byte()) - 127.5) * f32::from(texture) / 255.0;
            let light = middle + small + noise;
            // Channels that differ slowly, as in a photo: most of the detail is light.
            let red = 96.0 + 64.0 * across + large + light;
            let green = 128.0 - 32.0 * down + 0.5 * large + light;
            let blue = 160.0 - 64.0 * across * down - 0.7 * large + light;
            // Casts of floats saturate.
            pixel([red as u8, green as u8, blue as u8]);
        }
    }

    /// Values of a lattice along row `y`, at every `cell` pixels, from `-levels / 2` to `levels / 2`.
    fn lattice_row(&self, y: usize, cell: usize, levels: f32) -> Vec<f32> {
        let point = |column: usize, row: usize| {
            let random = hash(self.seed, cell as u64, column as u64, row as u64) >> 40;
            (random as f32 / (1 << 24) as f32 - 0.5) * levels
        };
        let (above, part) = (y / cell, (y % cell) as f32 / cell as f32);
        let columns = usize::from(self.picture.width) / cell + 2;
        (0..columns)
            .map(|column| blend(point(column, above), point(column, above + 1), part))
            .collect()
    }

    fn encode_png(&self, file: &mut Vec<u8>) -> Result<(), png::EncodingError> {
        let Picture { width, height, .. } = self.picture;
        let mut encoder = png::Encoder::new(file, width.into(), height.into());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer()?;
        let mut line = Vec::with_capacity(usize::from(width) * 3);
        for y in 0..height {
            line.clear();
            self.row(y, |rgb| line.extend_from_slice(&rgb));
            std::io::Write::write_all(&mut stream, &line)?;
        }
        stream.finish()
    }
}

impl ImageBuffer for Scene {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.picture.width
    }

    fn height(&self) -> u16 {
        self.picture.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        self.row(y, |[red, green, blue]| {
            let (light, blueness, redness) = rgb_to_ycbcr(red, green, blue);
            buffers[0].push(light);
            buffers[1].push(blueness);
            buffers[2].push(redness);
        });
    }
}

/// From `a` to `b` without a corner at either end.
fn blend(a: f32, b: f32, part: f32) -> f32 {
    a + (b - a) * part * part * (3.0 - 2.0 * part)
}

/// A number for a point of a layer: the finaliser of SplitMix64 over its coordinates.
fn hash(seed: u64, layer: u64, x: u64, y: u64) -> u64 {
    [layer, x, y].into_iter().fold(seed, |state, next| {
        let mut mixed = (state ^ next).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}

/// Marsaglia's xorshift64, for one row's grain; a state of 0 would stay 0.
struct Random(u64);

impl Random {
    fn byte(&mut self) -> u8 {
        self.0 |= u64::from(self.0 == 0);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: [Format; 3] =
        [Format::Jpeg { progressive: false }, Format::Jpeg { progressive: true }, Format::Png];

    fn photo(width: u16, height: u16, format: Format) -> Picture {
        Picture { width, height, format, texture: 10 }
    }

    #[test]
    fn photos_of_every_format_and_odd_sizes_can_be_read() {
        for format in FORMATS {
            for (width, height) in [(1, 1), (17, 300), (513, 40)] {
                let file = photo(width, height, format).encode(7).unwrap();
                let image = image::load_from_memory(&file).unwrap();
                assert_eq!((image.width(), image.height()), (width.into(), height.into()));
            }
        }
    }

    #[test]
    fn another_seed_is_another_photo_and_the_same_is_the_same() {
        let picture = photo(64, 64, FORMATS[0]);
        assert_eq!(picture.encode(1).unwrap(), picture.encode(1).unwrap());
        assert_ne!(picture.encode(1).unwrap(), picture.encode(2).unwrap());
    }

    /// A camera's 12 megapixels at quality 95 are 3 to 4 MB; here a sixteenth of that.
    #[test]
    fn a_jpeg_is_as_large_as_a_cameras() {
        let size = photo(1000, 750, FORMATS[0]).encode(3).unwrap().len();
        assert!((3_000_000 / 16..4_000_000 / 16).contains(&size), "{size}");
    }
}
