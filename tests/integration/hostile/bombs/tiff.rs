//! TIFF: directories, strips and tiles by the thousand, and strips that inflate.

use super::{Bomb, jpeg::valid_scans, odd_photo, photo, png::zeros};

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const COMPRESSION: u16 = 259;
const STRIP_OFFSETS: u16 = 273;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTE_COUNTS: u16 = 279;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;

const PACK_BITS: u32 = 32_773;
const LZW: u32 = 5;
const DEFLATE: u32 = 8;
const JPEG: u32 = 7;

/// A little-endian file of 8-bit grey: `data` from offset 8, then one directory, whose next one is
/// itself.
fn tiff(data: &[u8], tags: &[(u16, &[u32])]) -> Vec<u8> {
    let fixed: [(u16, &[u32]); 2] = [(258, &[8]), (262, &[1])];
    let tags: Vec<_> = fixed.iter().chain(tags).collect();
    let mut file = [b"II*\0\0\0\0\0", data].concat();
    file.resize(file.len().next_multiple_of(2), 0);
    let mut entries = (tags.len() as u16).to_le_bytes().to_vec();
    for (tag, values) in tags {
        let stored: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let place = if stored.len() > 4 { file.len() as u32 } else { values[0] };
        if stored.len() > 4 {
            file.extend(stored);
        }
        entries.extend(tag.to_le_bytes());
        entries.extend([4, 0]);
        entries.extend((values.len() as u32).to_le_bytes());
        entries.extend(place.to_le_bytes());
    }
    let directory = (file.len() as u32).to_le_bytes();
    file[4..8].copy_from_slice(&directory);
    file.extend(entries);
    file.extend(directory);
    file
}

/// One strip that is all of the image.
fn strip([width, height]: [u32; 2], compression: u32, data: &[u8]) -> Vec<u8> {
    tiff(
        data,
        &[
            (WIDTH, &[width]),
            (HEIGHT, &[height]),
            (COMPRESSION, &[compression]),
            (STRIP_OFFSETS, &[8]),
            (STRIP_BYTE_COUNTS, &[data.len() as u32]),
        ],
    )
}

fn tiles([width, height]: [u32; 2], side: u32, compression: u32, data: &[u8]) -> Vec<u8> {
    tiff(
        data,
        &[
            (WIDTH, &[width]),
            (HEIGHT, &[height]),
            (COMPRESSION, &[compression]),
            (TILE_WIDTH, &[side]),
            (TILE_LENGTH, &[side]),
            (TILE_OFFSETS, &[8]),
            (TILE_BYTE_COUNTS, &[data.len() as u32]),
        ],
    )
}

/// `count` strips of `rows` rows, all the same `data`: each has its own copy, or all share one.
fn strips(
    [width, rows]: [u32; 2],
    compression: u32,
    data: &[u8],
    count: u32,
    own: bool,
) -> Vec<u8> {
    let length = data.len() as u32;
    let lengths = vec![length; count as usize];
    let offsets: Vec<u32> = (0..count).map(|n| if own { 8 + n * length } else { 8 }).collect();
    tiff(
        &data.repeat(if own { count as usize } else { 1 }),
        &[
            (WIDTH, &[width]),
            (HEIGHT, &[rows * count]),
            (COMPRESSION, &[compression]),
            (ROWS_PER_STRIP, &[rows]),
            (STRIP_OFFSETS, &offsets),
            (STRIP_BYTE_COUNTS, &lengths),
        ],
    )
}

pub(super) fn all() -> Vec<Bomb> {
    const LARGEST: [u32; 2] = [13_377, 13_377];
    let clear = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00].repeat(1 << 19);
    let scans = valid_scans([13_000, 208], 100);
    let shared = zeros(1 << 20);
    let mut many_tags = strip([9, 9], 1, &[0; 81]);
    let directory = u32::from_le_bytes(*many_tags[4..].first_chunk().unwrap()) as usize;
    many_tags.truncate(directory);
    many_tags.extend([0xFF, 0xFF]);
    many_tags.extend([0xFE, 0xFF, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0].repeat(65_535));
    let mut pages = strip([9, 9], 1, &[0; 81]);
    let page = pages[directory..].to_vec();
    (0..1_000).for_each(|_| pages.extend_from_slice(&page));
    let outside = [b"II*\0\xF0\xFF\xFF\xFF", &[0; 64][..]].concat();
    vec![
        photo("tiff: 65,535 x 65,535", "too_many_pixels", strip([65_535; 2], 1, &[])),
        photo("tiff: 2^32 - 1 squared", "too_many_pixels", strip([u32::MAX; 2], 1, &[])),
        photo("tiff: largest legal, no data", "truncated_image", strip(LARGEST, 1, &[])),
        photo(
            "tiff: the same of PackBits",
            "truncated_image",
            strip(LARGEST, PACK_BITS, &[0x80; 99]),
        ),
        photo("tiff: the same of LZW", "truncated_image", strip(LARGEST, LZW, &clear[..99])),
        photo("tiff: the same of Deflate", "truncated_image", strip(LARGEST, DEFLATE, &zeros(99))),
        photo("tiff: the same of JPEG", "corrupt_image", {
            strip(LARGEST, JPEG, &valid_scans([13_377, 13_370], 1))
        }),
        odd_photo("tiff: 1 GiB of pixels for 9 x 9", strip([9, 9], DEFLATE, &zeros(1 << 30))),
        photo("tiff: 4 million clear codes", "truncated_image", strip([9, 9], LZW, &clear)),
        photo("tiff: 4 MiB of no operation", "truncated_image", {
            strip([9, 9], PACK_BITS, &[0x80; 4 << 20])
        }),
        photo("tiff: tiles of one pixel, 2^27 of them", "unsupported_image", {
            tiles([13_377; 2], 1, 1, &[0])
        }),
        photo(
            "tiff: tiles of 2^32 - 1",
            "unsupported_image",
            tiles([9, 9], u32::MAX, DEFLATE, &[]),
        ),
        photo(
            "tiff: a tile of 65,535 squared",
            "unsupported_image",
            tiles([9, 9], 65_535, LZW, &[]),
        ),
        photo(
            "tiff: overlapping strips",
            "corrupt_image",
            strips([1_024; 2], DEFLATE, &shared, 100, false),
        ),
        photo("tiff: 64 strips of 100 scans", "corrupt_image", {
            strips([13_000, 208], JPEG, &scans, 64, true)
        }),
        photo("tiff: 65,535 tags", "unsupported_image", many_tags),
        photo("tiff: a directory beyond the end", "truncated_image", outside),
        odd_photo("tiff: a directory that follows itself", strip([9, 9], 1, &[0; 81])),
        odd_photo("tiff: 1,000 pages", pages),
    ]
}
