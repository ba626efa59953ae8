//! Means against a naive sum over parts of pixels, and what makes a hash useful.

use proptest::prelude::*;

use super::*;
use crate::preprocess::{DecodeOptions, ExifOrientation, decode};

fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Rgb {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    Rgb { width, height, data: pixels.flat_map(|(x, y)| pixel(x, y)).collect() }
}

/// The mean of a cell as floats: each pixel by the area of it that lies under the cell.
fn naive(rgb: &Rgb, row: usize, column: usize) -> f64 {
    let side = SIDE as f64;
    let part = |cell: usize, len: u32, pixel: u32| {
        let (first, last) = (cell as f64, cell as f64 + 1.);
        let [start, end] = [pixel, pixel + 1].map(|at| f64::from(at) * side / f64::from(len));
        (last.min(end) - first.max(start)).max(0.)
    };
    let mut sum = 0.;
    for y in 0..rgb.height {
        for x in 0..rgb.width {
            let at = (y as usize * rgb.width as usize + x as usize) * 3;
            let [r, g, b] = [0, 1, 2].map(|channel| f64::from(rgb.data[at + channel]));
            let area = part(row, rgb.height, y) * part(column, rgb.width, x);
            sum += area * (0.299 * r + 0.587 * g + 0.114 * b);
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn cells_are_means_of_areas(
        (width, height) in prop_oneof![
            (1..80_u32, 1..80_u32),
            Just((4100, 2)),
            Just((3, 9000)),
        ],
        seed in any::<u32>(),
    ) {
        let byte = |x: u32, y: u32, channel: u32| {
            ((x * 3 + channel) ^ seed).wrapping_mul(y.wrapping_mul(2) + 0x9E37_79B1).to_le_bytes()[3]
        };
        let rgb = picture(width, height, |x, y| [0, 1, 2].map(|channel| byte(x, y, channel)));
        let found = grey(&rgb);
        for (row, column) in [(0, 0), (0, 31), (31, 31), (7, 20), (30, 1), (16, 15)] {
            let expected = naive(&rgb, row, column);
            let found = found[row][column] as f64 / 256.;
            prop_assert!((found - expected).abs() < 0.003, "{row} {column}: {found} {expected}");
        }
    }
}

/// Soft waves and a bright corner, at any size.
fn scene(width: u32, height: u32) -> Rgb {
    picture(width, height, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let light = 90. + 60. * (x * 5. + y * 2.).sin() + 40. * (y * 7.).cos();
        [light + 50. * x * y, light, light * 0.8].map(|level| level as u8)
    })
}

#[test]
fn a_picture_keeps_its_hash_when_it_is_scaled_and_another_has_another() {
    let hash = PerceptualHash::of(&scene(640, 480));
    for (width, height) in [(320, 240), (1000, 750), (333, 500)] {
        let distance = hash.distance(PerceptualHash::of(&scene(width, height)));
        assert!(distance <= 2, "{width} x {height}: {distance}");
    }
    let of = scene(640, 480);
    let mirrored = picture(640, 480, |x, y| {
        let at = (y as usize * 640 + 639 - x as usize) * 3;
        [of.data[at], of.data[at + 1], of.data[at + 2]]
    });
    assert!(hash.distance(PerceptualHash::of(&mirrored)) > 20);
}

#[test]
fn pictures_of_one_colour_have_one_hash() {
    let hash = |level: u8| PerceptualHash::of(&picture(50, 40, |_, _| [level; 3]));
    assert_eq!(hash(1), hash(255));
    assert_eq!(PerceptualHash::of(&picture(1, 1, |_, _| [9, 0, 200])), hash(7));
}

#[test]
fn a_hash_is_written_as_sixteen_digits_and_read_again() {
    let hash = PerceptualHash(0x0123_4567_89ab_cdef);
    assert_eq!(hash.to_string(), "0123456789abcdef");
    assert_eq!("0123456789ABCDEF".parse(), Ok(hash));
    assert_eq!(serde_json::to_string(&hash).unwrap(), "\"0123456789abcdef\"");
    for bad in ["", "123", "0123456789abcdeg", "+123456789abcdef"] {
        assert_eq!(bad.parse::<PerceptualHash>(), Err(NoHash), "{bad:?}");
    }
    assert_eq!(hash.distance(PerceptualHash(!hash.0)), BITS);
}

/// What `imagehash.phash` gives (ImageHash 4.3.2, Pillow 13.0), which resizes by Lanczos.
const IMAGEHASH: [(&str, u64); 8] = [
    ("astronaut-420.jpg", 0xc292_4c55_32bd_dfc8),
    ("astronaut-rgba.png", 0xc292_4c55_32bd_dfc8),
    ("cat.png", 0xb15f_e646_5121_175e),
    ("cat-thumbnail.jpg", 0xb15f_e646_5121_175e),
    ("cat.gif", 0xa15f_e646_5121_975e),
    ("coffee-12mp.jpg", 0xbb83_2037_6c0f_3637),
    ("coffee.bmp", 0xbb83_2037_6c0f_3637),
    ("rocket.webp", 0xc037_1bec_1be5_1267),
];

#[test]
fn hashes_are_near_those_of_imagehash() {
    let options = DecodeOptions { max_pixels: 1 << 26, exif_orientation: ExifOrientation::Ignore };
    for (name, expected) in IMAGEHASH {
        let path = format!("{}/tests/reference/images/{name}", env!("CARGO_MANIFEST_DIR"));
        let rgb = decode(&std::fs::read(path).unwrap(), &options).unwrap();
        let found = PerceptualHash::of(&rgb);
        let distance = found.distance(PerceptualHash(expected));
        assert!(distance <= 4, "{name}: {found} is {distance} bits from {expected:016x}");
    }
}
