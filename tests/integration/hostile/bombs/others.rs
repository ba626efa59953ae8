//! GIF and BMP: sizes without data, and codes that give no pixel.

use super::{Bomb, odd_photo, photo};
use crate::support::reference;

/// A screen of the given size and a frame of another, whose codes start with `code_size` bits.
fn gif(screen: [u16; 2], frame: [u16; 2], code_size: u8, blocks: &[u8]) -> Vec<u8> {
    let sides = |[width, height]: [u16; 2]| [width.to_le_bytes(), height.to_le_bytes()].concat();
    let mut file = [&b"GIF89a"[..], &sides(screen), &[0; 3]].concat();
    file.extend([b',', 0, 0, 0, 0]);
    file.extend(sides(frame));
    file.extend([0, code_size]);
    file.extend_from_slice(blocks);
    file.extend([0, b';']);
    file
}

/// Data in blocks of 255 bytes, as a GIF has it.
fn blocks(data: &[u8]) -> Vec<u8> {
    data.chunks(255).flat_map(|part| [&[part.len() as u8][..], part].concat()).collect()
}

fn gifs() -> Vec<Bomb> {
    const LARGEST: [u16; 2] = [13_377, 13_377];
    let good = std::fs::read(reference().join("modes/plain.gif")).unwrap();
    let frame = good.iter().position(|&byte| byte == b',').unwrap();
    let before_frame = |what: &[u8]| [&good[..frame], what, &good[frame..]].concat();
    let frames =
        [&good[..good.len() - 1], &good[frame..good.len() - 1].repeat(5_000), b";"].concat();
    // Nine bits of "clear", over and over.
    let clear = [0x00, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80].repeat(1 << 19);
    vec![
        photo("gif: 65,535 x 65,535", "too_many_pixels", gif([65_535; 2], [1; 2], 8, &[])),
        photo("gif: a frame of that size", "too_many_pixels", gif([1; 2], [65_535; 2], 8, &[])),
        photo("gif: largest legal, no data", "truncated_image", gif(LARGEST, LARGEST, 8, &[])),
        photo("gif: largest legal, little data", "truncated_image", {
            gif(LARGEST, LARGEST, 8, &blocks(&[0x55; 4_000]))
        }),
        photo(
            "gif: 4 million clear codes",
            "truncated_image",
            gif([99; 2], [99; 2], 8, &blocks(&clear)),
        ),
        photo("gif: codes of 12 bits at first", "corrupt_image", gif([9; 2], [9; 2], 12, &[1, 0])),
        odd_photo("gif: 5,000 frames", frames),
        odd_photo("gif: 2 million extensions", before_frame(&b"!\xFE\x01a\0".repeat(2_000_000))),
        odd_photo("gif: 8 MiB between blocks", before_frame(&[0; 8 << 20])),
        odd_photo("gif: blocks of one byte without end", {
            gif([999; 2], [999; 2], 8, &[1, 0].repeat(4 << 20))
        }),
    ]
}

/// A bitmap with a header of 40 bytes and a palette of `colors` entries that it does not have.
fn bmp(
    [width, height]: [u32; 2],
    bits: u16,
    compression: u32,
    colors: u32,
    data: &[u8],
) -> Vec<u8> {
    let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
    file.extend(1078u32.to_le_bytes());
    for number in [40, width, height, 1 | u32::from(bits) << 16, compression, 0, 0, 0, colors, 0] {
        file.extend(number.to_le_bytes());
    }
    file.resize(1078, 0);
    file.extend_from_slice(data);
    file
}

fn bmps() -> Vec<Bomb> {
    let largest = [13_377, 13_377];
    let (nothing, jumps) = ([0, 0, 0, 2, 0, 0], [0, 2, 255, 255]);
    vec![
        photo("bmp: 2^31 - 1 squared", "too_many_pixels", bmp([i32::MAX as u32; 2], 24, 0, 0, &[])),
        photo("bmp: 65,535 x 65,535", "too_many_pixels", bmp([65_535; 2], 1, 0, 0, &[])),
        photo("bmp: upside down 2^31", "too_many_pixels", bmp([20, 0xFF00_0000], 24, 0, 0, &[])),
        photo("bmp: largest legal, no data", "truncated_image", bmp(largest, 24, 0, 0, &[])),
        photo("bmp: the same of 1 bit", "truncated_image", bmp(largest, 1, 0, 0, &[])),
        photo("bmp: the same in runs", "truncated_image", bmp(largest, 8, 1, 0, &[])),
        photo("bmp: 1 million runs of nothing", "truncated_image", {
            bmp([9; 2], 8, 1, 0, &nothing[2..].repeat(1 << 20))
        }),
        photo("bmp: jumps, and no end of lines", "truncated_image", {
            bmp([4_000, 4_000], 8, 1, 0, &[&jumps[..], &[0, 1]].concat())
        }),
        photo("bmp: a palette of 2^32", "corrupt_image", bmp([9; 2], 8, 0, u32::MAX, &[])),
    ]
}

pub(super) fn all() -> Vec<Bomb> {
    [gifs(), bmps()].into_iter().flatten().collect()
}
