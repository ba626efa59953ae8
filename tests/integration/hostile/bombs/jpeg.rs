//! JPEG: sizes without data, scans and tables by the thousand, floods of markers.

use super::{Bomb, odd_photo, photo};
use crate::support::reference;

/// The largest JPEG that the default limit of pixels allows.
const LARGEST: [u16; 2] = [65_535, 2_730];

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 2).to_be_bytes();
    [&[0xFF, marker][..], &length, payload].concat()
}

/// A frame header of grey or of colour without subsampling.
fn frame(marker: u8, [width, height]: [u16; 2], components: u8) -> Vec<u8> {
    let mut payload = vec![8];
    payload.extend(height.to_be_bytes());
    payload.extend(width.to_be_bytes());
    payload.push(components);
    (1..=components).for_each(|id| payload.extend([id, 0x11, 0]));
    segment(marker, &payload)
}

/// Quantisation by 1, a DC table whose code 0 is "no difference", and an AC table of the given
/// symbols, codes 0 and 10.
fn tables(ac: [u8; 2]) -> Vec<u8> {
    let mut dc = vec![0; 17];
    dc[1] = 1;
    dc.push(0);
    let mut codes = vec![0x10, 1, 1];
    codes.extend([0; 14]);
    codes.extend(ac);
    let steps = [&[0][..], &[1; 64]].concat();
    [segment(0xDB, &steps), segment(0xC4, &dc), segment(0xC4, &codes)].concat()
}

/// A scan of one component: its band, its bits, and its data.
fn scan(component: u8, first: u8, last: u8, bits: u8, data: &[u8]) -> Vec<u8> {
    [&segment(0xDA, &[1, component, 0, first, last, bits]), data].concat()
}

fn file(segments: &[Vec<u8>]) -> Vec<u8> {
    [&[0xFF, 0xD8][..], &segments.concat(), &[0xFF, 0xD9]].concat()
}

/// Blocks of a grey image.
fn blocks([width, height]: [u16; 2]) -> usize {
    usize::from(width).div_ceil(8) * usize::from(height).div_ceil(8)
}

/// The zero bits of a DC scan in which no block differs from the one before.
fn flat(size: [u16; 2]) -> Vec<u8> {
    vec![0; blocks(size).div_ceil(8)]
}

/// Scans of a band in which no block has a coefficient: runs of 32,767 blocks, code 0 and 14 bits.
fn empty_scan(size: [u16; 2], band: u8, bits: u8) -> Vec<u8> {
    let runs = blocks(size).div_ceil(32_767);
    let mut data = vec![0u8; (15 * runs).div_ceil(8)];
    for bit in (0..15 * runs).filter(|bit| bit % 15 != 0) {
        data[bit / 8] |= 0x80 >> (bit % 8);
    }
    // A byte FF is followed by 00.
    let stuffed = data.into_iter().flat_map(|b| [Some(b), (b == 0xFF).then_some(0)]).flatten();
    scan(1, band, band, bits, &stuffed.collect::<Vec<u8>>())
}

/// A complete progressive image of `size` with `scans` scans, all of which are valid.
pub(super) fn valid_scans(size: [u16; 2], scans: usize) -> Vec<u8> {
    let mut all = vec![frame(0xC2, size, 1), tables([0xE0, 0])];
    all.push(scan(1, 0, 0, 0, &flat(size)));
    all.extend((1..scans).map(|n| empty_scan(size, (n % 63) as u8 + 1, 0)));
    file(&all)
}

fn good(name: &str) -> Vec<u8> {
    std::fs::read(reference().join("modes").join(name)).unwrap()
}

/// A good file with `what` behind its start.
fn with(what: &[u8]) -> Vec<u8> {
    let good = good("ycbcr-420.jpg");
    [&good[..2], what, &good[2..]].concat()
}

pub(super) fn all() -> Vec<Bomb> {
    let headed = |marker, size, components| {
        let scan = segment(0xDA, &[1, 1, 0, 0, 63, 0]);
        file(&[tables([0, 0]), frame(marker, size, components), scan])
    };
    let progressive = |size, components| {
        file(&[tables([0, 0]), frame(0xC2, size, components), scan(1, 0, 0, 0, &[0; 64])])
    };
    let restarts: Vec<u8> = (0..4 << 20).flat_map(|n: u32| [0xFF, 0xD0 | (n % 8) as u8]).collect();
    let restarting = file(&[
        tables([0, 0]),
        segment(0xDD, &[0, 1]),
        frame(0xC0, LARGEST, 1),
        scan(1, 0, 63, 0, &restarts),
    ]);
    let scans = |count: usize| {
        let mut all = vec![tables([0, 0]), frame(0xC2, [64, 64], 1)];
        all.extend((0..count).map(|_| scan(1, 0, 0, 0, &[0; 8])));
        file(&all)
    };
    let two_frames = file(&[frame(0xC0, [8, 8], 1), frame(0xC0, LARGEST, 1)]);
    vec![
        photo("jpeg: 65,535 x 65,535", "too_many_pixels", headed(0xC0, [65_535; 2], 3)),
        photo("jpeg: largest legal, no data", "corrupt_image", headed(0xC0, LARGEST, 3)),
        photo("jpeg: largest legal CMYK, no data", "corrupt_image", headed(0xC0, LARGEST, 4)),
        photo("jpeg: progressive, largest, no data", "corrupt_image", progressive(LARGEST, 3)),
        photo("jpeg: progressive, largest CMYK", "corrupt_image", progressive(LARGEST, 4)),
        photo("jpeg: 1,000 scans", "corrupt_image", scans(1_000)),
        photo("jpeg: 100 valid scans, largest", "unsupported_image", valid_scans(LARGEST, 100)),
        odd_photo("jpeg: 100 valid scans, small", valid_scans([800, 600], 100)),
        photo("jpeg: 60,000 scans", "corrupt_image", scans(60_000)),
        photo("jpeg: height by DNL", "zero_size_image", headed(0xC0, [65_535, 0], 3)),
        photo("jpeg: a second, larger frame", "corrupt_image", two_frames),
        photo("jpeg: 4 million restarts", "corrupt_image", restarting),
        photo("jpeg: 2 million tables", "corrupt_image", with(&[0xFF, 0xC4, 0, 2].repeat(2 << 20))),
        photo(
            "jpeg: 8 MiB of FF",
            "truncated_image",
            [&[0xFF, 0xD8][..], &[0xFF; 8 << 20]].concat(),
        ),
        photo("jpeg: a length beyond the end", "truncated_image", with(&[0xFF, 0xE2, 0xFF, 0xFF])),
        odd_photo("jpeg: 13 MB of colour profiles", with(&segment(0xE2, &[7; 65_533]).repeat(200))),
        odd_photo("jpeg: 2 million comments", with(&[0xFF, 0xFE, 0, 2].repeat(2 << 20))),
        odd_photo(
            "jpeg: 8 MiB between segments",
            with(&[&[0xFF, 0xFE, 0, 2][..], &[0; 8 << 20]].concat()),
        ),
    ]
}
