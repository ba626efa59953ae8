//! Small files made to cost much: each is built by hand, and has to be an error (or a picture)
//! within a second or two. What they would cost undefended is minutes, or gigabytes.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use inference_service::preprocess::{DecodeOptions, ImageError, Rgb, decode};

use super::{APPLY, case, code_of};

/// Far above what any of these takes, far below what it took before it was refused.
const TIME_LIMIT: Duration = Duration::from_secs(5);

fn decode_in_time(bytes: &[u8]) -> Result<Rgb, ImageError> {
    let start = Instant::now();
    let result = decode(bytes, &DecodeOptions { max_pixels: 1 << 22, ..APPLY });
    let took = start.elapsed();
    assert!(took < TIME_LIMIT, "it took {took:?}");
    result
}

fn refused(bytes: &[u8], code: &str, says: &str) {
    let error = decode_in_time(bytes).expect_err("an error");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const JPEG_TABLES: u16 = 347;

const PACK_BITS: u32 = 32_773;
const LZW: u32 = 5;
const DEFLATE: u32 = 8;
const JPEG: u32 = 7;

/// A little-endian TIFF of 8-bit grey: `data` from offset 8, the directory behind it.
fn tiff(data: &[u8], tags: &[(u16, &[u32])]) -> Vec<u8> {
    let fixed: [(u16, &[u32]); 2] = [(258, &[8]), (262, &[1])];
    let tags: Vec<_> = fixed.iter().chain(tags).collect();
    let mut file = b"II*\0\0\0\0\0".to_vec();
    file.extend_from_slice(data);
    let mut entries = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, values) in tags {
        let stored: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let place = if stored.len() > 4 { file.len() as u32 } else { values[0] };
        if stored.len() > 4 {
            file.extend(stored);
        }
        entries.extend(tag.to_le_bytes());
        entries.extend(4u16.to_le_bytes());
        entries.extend((values.len() as u32).to_le_bytes());
        entries.extend(place.to_le_bytes());
    }
    let directory = file.len() as u32;
    file[4..8].copy_from_slice(&directory.to_le_bytes());
    file.extend(entries);
    file.extend([0; 4]);
    file
}

/// A TIFF one pixel wide, of one strip a row, all of which are the same `data`.
fn shared_strips(data: &[u8], rows: u32, compression: u32, counts: bool) -> Vec<u8> {
    let (offsets, lengths) = (vec![8; rows as usize], vec![data.len() as u32; rows as usize]);
    let mut tags: Vec<(u16, &[u32])> = vec![
        (WIDTH, &[1]),
        (COMPRESSION, std::slice::from_ref(&compression)),
        (FILL_ORDER, &[2]),
        (STRIP_OFFSETS, &offsets),
        (ROWS_PER_STRIP, &[1]),
    ];
    let rows = [rows];
    tags.push((HEIGHT, &rows));
    if counts {
        tags.push((STRIP_BYTE_COUNTS, &lengths));
    }
    tiff(data, &tags)
}

/// A tiled TIFF of one pixel.
fn one_pixel_in_a_tile(side: u32, compression: u32, data: &[u8]) -> Vec<u8> {
    let (side, compression, length) = ([side], [compression], [data.len() as u32]);
    let tags: [(u16, &[u32]); 7] = [
        (WIDTH, &[1]),
        (HEIGHT, &[1]),
        (COMPRESSION, &compression),
        (TILE_WIDTH, &side),
        (TILE_LENGTH, &side),
        (TILE_OFFSETS, &[8]),
        (TILE_BYTE_COUNTS, &length),
    ];
    tiff(data, &tags)
}

/// A TIFF of `side` x `side` pixels in one strip without compression.
pub(super) fn one_strip(side: u32, data: &[u8]) -> Vec<u8> {
    let side = [side];
    tiff(data, &[(WIDTH, &side), (HEIGHT, &side), (STRIP_OFFSETS, &[8])])
}

/// The JPEG `name` of the cases, saying that it has `side` x `side` pixels.
pub(super) fn jpeg_of_size(name: &str, side: u16) -> Vec<u8> {
    let mut bytes = case(name);
    let frame = bytes.array_windows().position(|pair| matches!(pair, [0xFF, 0xC0 | 0xC2]));
    let size = frame.expect("a frame header") + 5;
    bytes[size..size + 2].copy_from_slice(&side.to_be_bytes());
    bytes[size + 2..size + 4].copy_from_slice(&side.to_be_bytes());
    bytes
}

#[test]
fn a_tile_far_larger_than_its_tiff_is_refused_before_it_is_decoded() {
    for side in [65_535, 4096] {
        let jpeg = jpeg_of_size("grey.jpg", side as u16);
        refused(&one_pixel_in_a_tile(side, JPEG, &jpeg), "unsupported_image", "tiles of");
        refused(&one_pixel_in_a_tile(side, DEFLATE, &[]), "unsupported_image", "tiles of");
    }
}

#[test]
fn a_jpeg_larger_than_its_tile_is_refused_before_it_is_decoded() {
    let file = one_pixel_in_a_tile(16, JPEG, &jpeg_of_size("grey.jpg", 65_535));
    refused(&file, "corrupt_image", "65535 x 65535 pixels");
}

#[test]
fn a_small_image_in_a_tile_of_common_size_is_read() {
    let file = one_pixel_in_a_tile(512, PACK_BITS, &[0x81, 7].repeat(2048));
    assert_eq!(decode_in_time(&file).unwrap().data, [7; 3]);
}

#[test]
fn strips_that_share_their_bytes_are_refused() {
    const ROWS: u32 = 60_000;
    let clear_codes = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00].repeat(1 << 16);
    let mut empty_blocks = vec![0x78, 0x01];
    empty_blocks.extend([0, 0, 0, 0xFF, 0xFF].repeat(1 << 17));
    let no_operations = [0x80; 1 << 20];
    let all: [(u32, &[u8]); 3] =
        [(PACK_BITS, &no_operations), (LZW, &clear_codes), (DEFLATE, &empty_blocks)];
    for (compression, data) in all {
        let file = shared_strips(data, ROWS, compression, true);
        refused(&file, "corrupt_image", "they overlap");
        let file = shared_strips(data, ROWS, compression, false);
        refused(&file, "corrupt_image", "they overlap");
    }
}

#[test]
fn strips_without_lengths_end_where_the_next_begins() {
    let tags: [(u16, &[u32]); 5] = [
        (WIDTH, &[4]),
        (HEIGHT, &[3]),
        (COMPRESSION, &[PACK_BITS]),
        (STRIP_OFFSETS, &[12, 8, 10]),
        (ROWS_PER_STRIP, &[1]),
    ];
    let rgb = decode_in_time(&tiff(&[0xFD, 2, 0xFD, 3, 0xFD, 1], &tags)).unwrap();
    let grey: Vec<u8> = rgb.data.into_iter().step_by(3).collect();
    assert_eq!(grey, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]);
}

#[test]
fn many_strips_are_found_without_walking_to_each() {
    let rows = 1 << 16;
    let mut offsets: Vec<u32> = (8..8 + rows).collect();
    offsets.reverse();
    let data: Vec<u8> = (0..rows).map(|y| (y >> 8) as u8).collect();
    let rows = [rows];
    let tags: [(u16, &[u32]); 4] =
        [(WIDTH, &[1]), (HEIGHT, &rows), (STRIP_OFFSETS, &offsets), (ROWS_PER_STRIP, &[1])];
    let rgb = decode_in_time(&tiff(&data, &tags)).unwrap();
    assert_eq!((rgb.data[0], rgb.data[rgb.data.len() - 1]), (255, 0));
}

#[test]
fn too_many_strips_are_refused() {
    let file = shared_strips(&[0], (1 << 16) + 1, 1, true);
    refused(&file, "unsupported_image", "65537 strips or tiles, more than 65536");
}

#[test]
fn shared_tables_of_great_length_are_refused() {
    let jpeg = jpeg_of_size("grey.jpg", 1);
    let mut tables = vec![0xFF, 0xD8];
    tables.extend([0xFF, 0xC4, 0, 2].repeat(1 << 16));
    tables.extend([0xFF, 0xD9]);
    let tables: Vec<u32> = tables.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let (side, length) = ([1], [jpeg.len() as u32]);
    let tags: [(u16, &[u32]); 6] = [
        (WIDTH, &side),
        (HEIGHT, &side),
        (COMPRESSION, &[JPEG]),
        (STRIP_OFFSETS, &[8]),
        (STRIP_BYTE_COUNTS, &length),
        (JPEG_TABLES, &tables),
    ];
    let error = decode_in_time(&tiff(&jpeg, &tags)).unwrap_err().to_string();
    assert!(error.contains("bytes of shared tables"), "{error}");
}

#[test]
fn a_directory_of_many_tags_is_refused() {
    let entries = 1_000_000u64;
    let mut file = b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    file.extend(entries.to_le_bytes());
    file.extend(
        [0xFF, 0xFF, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].repeat(1_000_000),
    );
    refused(&file, "unsupported_image", "1000000 tags, more than 4096");
}

#[test]
fn a_jpeg_of_nothing_but_tables_is_refused_before_they_are_kept() {
    let jpeg = case("grey.jpg");
    for segment in [[0xFF, 0xC4, 0, 2], [0xFF, 0xDB, 0, 2], [0xFF, 0xDD, 0, 2]] {
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend(segment.repeat(1 << 22));
        bytes.extend_from_slice(&jpeg[2..]);
        refused(&bytes, "corrupt_image", "more than 1000 tables and scans");
    }
}

#[test]
fn a_jpeg_of_nothing_but_scans_is_refused_before_they_are_kept() {
    let mut bytes = case("grey.jpg");
    bytes.truncate(bytes.len() - 2);
    bytes.extend([0xFF, 0xDA, 0, 2].repeat(1 << 22));
    bytes.extend([0xFF, 0xD9]);
    refused(&bytes, "corrupt_image", "more than 100 scans");
}

/// `png` with `chunk` given `times` times behind `IHDR`, with its checksum.
fn with_chunks(png: &[u8], name: &[u8; 4], data: &[u8], times: usize) -> Vec<u8> {
    let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
    chunk.extend_from_slice(name);
    chunk.extend_from_slice(data);
    let mut checksum = flate2::Crc::new();
    checksum.update(&chunk[4..]);
    chunk.extend(checksum.sum().to_be_bytes());
    [&png[..33], &chunk.repeat(times), &png[33..]].concat()
}

#[test]
fn texts_of_a_png_are_inflated_only_where_an_orientation_may_be_and_not_often() {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![b' '; 1 << 20]).unwrap();
    let deflated = encoder.finish().unwrap();
    let png = case("rgb.png");
    let plain = decode_in_time(&png).unwrap();
    for keyword in [&b"Comment"[..], b"XML:com.adobe.xmp", b"Raw profile type exif"] {
        let text = [keyword, b"\0\0", &deflated].concat();
        let bomb = with_chunks(&png, b"zTXt", &text, 20_000);
        assert_eq!(decode_in_time(&bomb).unwrap(), plain);
    }
}

#[test]
fn metadata_behind_the_end_of_a_png_is_not_read() {
    let png = case("rgb.png");
    let exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0";
    let turned = with_chunks(&png, b"eXIf", exif, 1);
    let behind = [&png[..], &turned[33..33 + 12 + exif.len()]].concat();
    let plain = decode_in_time(&png).unwrap();
    assert_ne!(decode_in_time(&turned).unwrap(), plain);
    assert_eq!(decode_in_time(&behind).unwrap(), plain);
}

#[test]
fn a_size_that_no_memory_holds_is_an_error_whatever_the_setting() {
    let mut png = case("rgb.png")[..33].to_vec();
    png[16..24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
    assert_eq!(code_of(&png), "too_many_pixels");
    let all = DecodeOptions { max_pixels: u64::MAX, ..APPLY };
    assert_eq!(decode(&png, &all).unwrap_err().code(), "too_many_pixels");
}
