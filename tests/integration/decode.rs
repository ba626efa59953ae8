//! Decoding gives Pillow's pixels byte for byte, JPEG and lossy WebP included; damaged files give
//! an error, never a panic. The cases come from `tests/reference/make_mode_cases.py`.

mod bombs;
mod memory;

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use inference_service::preprocess::{DecodeOptions, ExifOrientation, Format, Rgb, decode, probe};

const IGNORE: DecodeOptions =
    DecodeOptions { max_pixels: 178_956_970, exif_orientation: ExifOrientation::Ignore };
const APPLY: DecodeOptions = DecodeOptions { exif_orientation: ExifOrientation::Apply, ..IGNORE };

fn modes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/modes")
}

/// The images of `modes/`, by name, in order.
fn cases() -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(modes()).expect("modes/ is in the repository");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|p| p.is_file())
        .collect();
    paths.sort();
    assert!(paths.len() > 100, "modes/ has only {} images", paths.len());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// The pixels of one of the script's lossless results.
fn expected(folder: &str, name: &str) -> Option<Rgb> {
    let file = File::open(modes().join(folder).join(format!("{name}.png"))).ok()?;
    let mut reader = png::Decoder::new(BufReader::new(file)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgb, "{name}");
    Some(Rgb { width: info.width, height: info.height, data })
}

/// What is wrong with `got`, if anything is.
fn check(name: &str, got: Rgb, expected: &Rgb) -> Option<String> {
    if (got.width, got.height) != (expected.width, expected.height) {
        return Some(format!("{name}: {} x {}", got.width, got.height));
    }
    let pairs = got.data.iter().zip(&expected.data);
    let most = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
    (most > 0).then(|| format!("{name}: off by {most}"))
}

fn assert_none(failures: Vec<String>) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_mode_gives_the_pixels_of_pillow() {
    let failures = cases().into_iter().filter_map(|(name, bytes)| {
        let expected = expected("expected", &name).expect("each case has its pixels");
        match decode(&bytes, &IGNORE) {
            Ok(got) => check(&name, got, &expected),
            Err(error) => Some(format!("{name}: {error}")),
        }
    });
    assert_none(failures.collect());
}

#[test]
fn orientation_is_applied_as_by_exif_transpose() {
    let turned = cases().into_iter().filter_map(|(name, bytes)| {
        let expected = expected("upright", &name)?;
        Some(match decode(&bytes, &APPLY) {
            Ok(got) => check(&name, got, &expected),
            Err(error) => Some(format!("{name}: {error}")),
        })
    });
    let results: Vec<_> = turned.collect();
    assert!(results.len() >= 10, "only {} cases have an orientation", results.len());
    assert_none(results.into_iter().flatten().collect());
}

#[test]
fn every_truncation_is_an_error_or_the_whole_image() {
    let mut failures = Vec::new();
    for (name, bytes) in cases() {
        let whole = decode(&bytes, &IGNORE).expect("an intact case");
        for length in 0..bytes.len() {
            match decode(&bytes[..length], &IGNORE) {
                Ok(rgb) if rgb != whole => failures.push(format!("{name}: {length} bytes")),
                Ok(_) | Err(_) => {}
            }
        }
    }
    assert_none(failures);
}

fn case(name: &str) -> Vec<u8> {
    fs::read(modes().join(name)).expect("a case of modes/")
}

fn code_of(bytes: &[u8]) -> &'static str {
    decode(bytes, &IGNORE).expect_err("an error").code()
}

#[test]
fn a_jpeg_without_its_end_marker_is_truncated() {
    let bytes = case("ycbcr-420.jpg");
    assert_eq!(code_of(&bytes[..bytes.len() - 2]), "truncated_image");
}

#[test]
fn a_jpeg_whose_pixels_end_early_is_an_error_although_it_has_its_end_marker() {
    let mut bytes = case("ycbcr-420.jpg");
    let half = bytes.len() - 300;
    bytes.truncate(half);
    bytes.extend([0xFF, 0xD9]);
    assert_eq!(code_of(&bytes), "corrupt_image");
}

#[test]
fn a_jpeg_with_the_wrong_restart_marker_is_an_error() {
    let mut bytes = case("restarts.jpg");
    let marker = bytes.array_windows().position(|pair| *pair == [0xFF, 0xD0]);
    bytes[marker.expect("a restart marker") + 1] = 0xD5;
    assert_eq!(code_of(&bytes), "corrupt_image");
}

#[test]
fn a_png_with_a_wrong_checksum_is_an_error() {
    let mut bytes = case("rgb.png");
    let checksum_of_pixels = bytes.len() - 13;
    bytes[checksum_of_pixels] ^= 1;
    assert_eq!(code_of(&bytes), "corrupt_image");
}

#[test]
fn an_image_above_the_limit_is_refused_and_one_at_it_is_not() {
    let bytes = case("rgb.png");
    let pixels = probe(&bytes).unwrap().pixels();
    let with = |max_pixels| decode(&bytes, &DecodeOptions { max_pixels, ..IGNORE });
    assert_eq!(with(pixels - 1).unwrap_err().code(), "too_many_pixels");
    assert!(with(pixels).is_ok());
}

#[test]
fn no_damage_makes_it_panic() {
    let mut random = Random(1);
    for (_, bytes) in cases() {
        for _ in 0..60 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] = random.next() as u8;
            }
            let _ = decode(&damaged, &DecodeOptions { max_pixels: 1 << 20, ..APPLY });
        }
    }
}

#[test]
fn probing_reads_format_and_size_of_every_case() {
    for (name, bytes) in cases() {
        let header = probe(&bytes).unwrap();
        let format = match name.rsplit('.').next() {
            Some("jpg") => Format::Jpeg,
            Some("png") => Format::Png,
            Some("gif") => Format::Gif,
            Some("webp") => Format::WebP,
            Some("bmp") => Format::Bmp,
            _ => Format::Tiff,
        };
        assert_eq!(header.format, format, "{name}");
        let expected = expected("expected", &name).expect("each case has its pixels");
        assert_eq!(header.pixels(), u64::from(expected.width) * u64::from(expected.height));
    }
}

/// splitmix64: the same damage on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
