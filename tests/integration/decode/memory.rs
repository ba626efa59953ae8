//! `Header::decode_bytes` is true: no decoder holds more than it says, and where the header tells
//! all, it says little more than they hold. C code (libjpeg-turbo) is not counted.

use std::{io::Cursor, path::Path};

use image::{ExtendedColorType, ImageEncoder, codecs};
use inference_service::preprocess::{decode, probe};

use super::{APPLY, IGNORE, bombs, case};
use crate::allocator;

/// The most bytes that decoding held at once, and what the header said. The result may be an error:
/// a file whose size is not its own is refused only after its memory was taken.
fn measure(bytes: &[u8], turn: bool) -> (u64, u64) {
    let said = probe(bytes).unwrap().decode_bytes();
    let counted = allocator::count(|| {
        let _ = decode(bytes, if turn { &APPLY } else { &IGNORE });
    });
    (counted.most, said)
}

const SIDE: u32 = 2048;

/// Noise, which compresses badly, of `channels` bytes a pixel.
fn noise(channels: u32) -> Vec<u8> {
    let mut random = super::Random(7);
    (0..SIDE * SIDE * channels).map(|_| random.next() as u8).collect()
}

/// The case `name`, saying that it has `SIDE` x `SIDE` pixels, with as many bits as those need.
fn enlarged_jpeg(name: &str) -> Vec<u8> {
    let mut file = bombs::jpeg_of_size(name, SIDE as u16);
    let end = file.len() - 2;
    file.splice(end..end, std::iter::repeat_n(0, 1 << 16));
    file
}

fn png(color: ExtendedColorType, channels: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = codecs::png::PngEncoder::new(Cursor::new(&mut out));
    encoder.write_image(&noise(channels), SIDE, SIDE, color).unwrap();
    out
}

fn webp(color: ExtendedColorType, channels: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = codecs::webp::WebPEncoder::new_lossless(&mut out);
    encoder.write_image(&noise(channels), SIDE, SIDE, color).unwrap();
    out
}

fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    let encoder = codecs::jpeg::JpegEncoder::new(&mut out);
    encoder.write_image(&noise(3), SIDE, SIDE, ExtendedColorType::Rgb8).unwrap();
    out
}

fn bmp() -> Vec<u8> {
    let mut out = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
    out.extend(SIDE.to_le_bytes());
    out.extend(SIDE.to_le_bytes());
    out.extend([1, 0, 24, 0]);
    out.extend([0; 24]);
    out.extend(noise(3));
    out
}

#[test]
fn decoding_holds_no_more_than_the_header_says() {
    let tiff = bombs::one_strip(SIDE, &noise(1));
    let files = [
        ("bmp", bmp()),
        ("jpeg", jpeg()),
        ("grey jpeg", enlarged_jpeg("grey.jpg")),
        ("separate scans", enlarged_jpeg("separate-scans.jpg")),
        ("progressive", enlarged_jpeg("progressive-444.jpg")),
        ("progressive cmyk", enlarged_jpeg("cmyk-progressive.jpg")),
        ("png", png(ExtendedColorType::Rgb8, 3)),
        ("png of 16 bits", png(ExtendedColorType::Rgba16, 8)),
        ("webp", webp(ExtendedColorType::Rgb8, 3)),
        ("webp with alpha", webp(ExtendedColorType::Rgba8, 4)),
        ("tiff", tiff),
    ];
    let mut failures = Vec::new();
    for (name, bytes) in &files {
        let (held, said) = measure(bytes, false);
        // Of these the header leaves much open, or C code takes a part.
        let open = name.starts_with("webp") || *name == "tiff" || cfg!(feature = "libjpeg-turbo");
        if held > said || !open && held * 5 / 2 < said {
            failures.push(format!("{name}: {held} bytes held, {said} said"));
        }
    }
    super::assert_none(failures);
}

/// Found by fuzzing: the decoder believes the length of a partition before it has read it.
#[test]
fn a_webp_whose_partition_ends_beyond_the_file_holds_no_more_than_the_header_says() {
    let found = "fuzz/corpus/webp/partition-beyond-the-end";
    let file = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(found)).unwrap();
    let (held, said) = measure(&file, false);
    assert!((1 << 21..said).contains(&held), "{held} bytes held, {said} said");
}

#[test]
fn turning_an_image_holds_no_more_than_the_header_says() {
    for name in ["exif-6.jpg", "xmp-6.jpg"] {
        let (held, said) = measure(&case(name), true);
        assert!(held <= said, "{name}: {held} bytes held, {said} said");
    }
}
