//! The resize, the crop and the normalisation against Pillow, torchvision and PyTorch, by the
//! results that `tests/reference/make_size_cases.py` wrote; and by properties against a naive
//! resize of the whole image.

mod naive;
mod properties;

use inference_service::{
    kernels::{Isa, Kernels},
    preprocess::{
        crop::shortest_side,
        normalize::Normalization,
        resize::{RgbView, resize_crop},
    },
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
    normalizations: Vec<Levels>,
}

/// One image and the square that Pillow and torchvision make of it.
#[derive(Debug, Deserialize)]
struct Case {
    source: [u32; 2],
    pattern: Pattern,
    size: u32,
    resized: [u64; 2],
    /// Left and top of the square.
    corner: [u64; 2],
    sha256: String,
    /// The bytes of row `size / 2`, in hexadecimal: shows how far off a wrong square is.
    middle_row: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pattern {
    Noise,
    Blocks,
}

/// The normalised value of each level, as the bits of an `f32` in hexadecimal.
#[derive(Deserialize)]
struct Levels {
    name: String,
    mean: [f32; 3],
    std: [f32; 3],
    levels: String,
}

fn reference() -> Reference {
    let text = include_str!("../reference/size_cases.json");
    serde_json::from_str(text).expect("the script writes this form")
}

/// `hashed` of the script.
fn hashed(x: u32, y: u32, channel: u32) -> u8 {
    let h = x
        .wrapping_mul(0x9E37_79B1)
        .wrapping_add(y.wrapping_mul(0x85EB_CA77))
        .wrapping_add(channel.wrapping_mul(0xC2B2_AE3D));
    let h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    let h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    (h ^ (h >> 15)) as u8
}

/// `image` of the script.
fn pixels(pattern: Pattern, [width, height]: [u32; 2]) -> Vec<u8> {
    let level = |x, y, channel| match pattern {
        Pattern::Noise => hashed(x, y, channel),
        Pattern::Blocks => (hashed(x / 5, y / 5, channel) & 1) * 255,
    };
    let row = |y| (0..width).flat_map(move |x| (0..3).map(move |channel| level(x, y, channel)));
    (0..height).flat_map(row).collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Those of every instruction set that this processor has.
fn all_kernels() -> impl Iterator<Item = Kernels> {
    [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable].into_iter().filter_map(Kernels::of)
}

#[test]
fn squares_equal_pillows_byte_for_byte() {
    let cases = reference().cases;
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    for case in cases {
        let [width, height] = case.source;
        let data = pixels(case.pattern, case.source);
        let view = RgbView::new(width, height, &data).expect("the pattern fills the image");
        for kernels in all_kernels() {
            let (isa, square) = (kernels.isa(), resize_crop(&kernels, view, case.size));
            let row = case.size as usize * 3;
            let middle = &square[case.size as usize / 2 * row..][..row];
            assert_eq!(hex(middle), case.middle_row, "{isa:?}: middle row of {case:?}");
            assert_eq!(hex(Sha256::digest(&square)), case.sha256, "{isa:?}: all rows of {case:?}");
        }
    }
}

#[test]
fn geometry_equals_torchvisions() {
    for case in reference().cases {
        let [width, height] = case.source;
        let found = shortest_side(width, height, case.size);
        assert_eq!([found.resized_width, found.resized_height], case.resized, "{case:?}");
        assert_eq!([found.left, found.top], case.corner, "{case:?}");
    }
}

#[test]
fn normalised_levels_equal_torchs_bit_for_bit() {
    for case in reference().normalizations {
        let grey: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
        let mut out = vec![0.0; grey.len()];
        Normalization::new(case.mean, case.std).apply(&grey, &mut out);
        let bits: String = out.iter().map(|value| format!("{:08x}", value.to_bits())).collect();
        assert_eq!(bits, case.levels, "{}", case.name);
    }
}

#[test]
fn normalised_channels_are_planes() {
    let mut out = [0.0; 6];
    Normalization::new([0.0; 3], [1.0; 3]).apply(&[255, 0, 51, 0, 255, 102], &mut out);
    assert_eq!(out, [1.0, 0.0, 0.0, 1.0, 0.2, 0.4]);
}
