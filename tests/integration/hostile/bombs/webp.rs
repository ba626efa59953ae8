//! WebP: canvases without pictures, and codes that take more memory than any picture.

use super::{Bomb, odd_photo, photo};
use crate::support::reference;

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = name.to_vec();
    chunk.extend((data.len() as u32).to_le_bytes());
    chunk.extend_from_slice(data);
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = [b"WEBP", &chunks.concat()[..]].concat();
    [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
}

/// `VP8X`: flags, and width and height less one.
fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let sides = [&width.to_le_bytes()[..3], &height.to_le_bytes()[..3]].concat();
    chunk(b"VP8X", &[&[flags, 0, 0, 0][..], &sides].concat())
}

/// The bits of a lossless picture, lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) -> &mut Self {
        for bit in 0..count {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            self.bytes[self.count / 8] |= ((value >> bit & 1) as u8) << (self.count % 8);
            self.count += 1;
        }
        self
    }

    /// The signature and size.
    fn open(width: u32, height: u32) -> Self {
        let mut bits = Self::default();
        bits.put(0x2F, 8).put(width - 1, 14).put(height - 1, 14).put(0, 4);
        bits
    }

    /// A code of one symbol, which takes no bits.
    fn one_symbol(&mut self, symbol: u32) -> &mut Self {
        self.put(1, 1).put(0, 1).put(1, 1).put(symbol, 8)
    }

    /// A code in which all of 256 symbols have 8 bits: the lengths take none, since the code of
    /// lengths has one symbol.
    fn even(&mut self) -> &mut Self {
        self.put(0, 1).put(8, 4);
        for place in 0..12 {
            self.put(u32::from(place == 11), 3);
        }
        self.put(1, 1).put(3, 3).put(254, 8)
    }
}

/// A picture of one pixel that says it has `groups` groups of codes, and has them.
fn code_groups(groups: u32) -> Vec<u8> {
    let mut bits = Bits::open(1, 1);
    // No transform, no cache, and a picture of groups, whose one pixel is the last of them.
    bits.put(0, 1).put(0, 1).put(1, 1).put(0, 3).put(0, 1);
    let last = groups - 1;
    bits.one_symbol(last & 0xFF).one_symbol(last >> 8).one_symbol(0).one_symbol(0).one_symbol(0);
    for _ in 0..groups {
        bits.even().even().even().even().one_symbol(0);
    }
    bits.put(0, 64);
    file(&[chunk(b"VP8L", &bits.bytes)])
}

pub(super) fn all() -> Vec<Bomb> {
    let picture = |name: &[u8; 4], data: &[u8]| file(&[chunk(name, data)]);
    let good = std::fs::read(reference().join("modes/lossy.webp")).unwrap();
    let still = &good[12..];
    let beyond = |sides: [u32; 2]| file(&[canvas(0, sides[0], sides[1]), still.to_vec()]);
    let animated = std::fs::read(reference().join("modes/animated-lossless.webp")).unwrap();
    let frames = [&animated[12..], &chunk(b"ANMF", &[0; 24]).repeat(100_000)].concat();
    let mut endless = good.clone();
    endless[4..8].copy_from_slice(&[0xFF; 4]);
    let lossy = |width: u16, height: u16, first: u32| {
        let mut data = (first << 5 | 0x10).to_le_bytes()[..3].to_vec();
        data.extend([0x9D, 1, 0x2A]);
        data.extend(width.to_le_bytes());
        data.extend(height.to_le_bytes());
        data.extend([0; 64]);
        picture(b"VP8 ", &data)
    };
    let cut = Bits::open(16_384, 10_922).bytes;
    vec![
        photo("webp: a canvas of 2^24 squared", "too_many_pixels", beyond([0xFF_FFFF; 2])),
        photo("webp: a canvas larger than its picture", "corrupt_image", beyond([13_000; 2])),
        photo("webp: lossless 16,384 squared", "too_many_pixels", {
            picture(b"VP8L", &Bits::open(16_384, 16_384).bytes)
        }),
        photo("webp: lossless, largest legal, no data", "truncated_image", picture(b"VP8L", &cut)),
        photo("webp: lossy 16,383 squared", "too_many_pixels", lossy(16_383, 16_383, 8)),
        photo("webp: a partition beyond the end", "truncated_image", lossy(64, 64, 0x7_FFFF)),
        photo("webp: 65,536 groups of codes, one pixel", "unsupported_image", code_groups(65_536)),
        odd_photo("webp: one group of codes, one pixel", code_groups(1)),
        photo("webp: a length beyond the end", "truncated_image", endless),
        odd_photo("webp: 100,000 frames", file(&[frames])),
        photo("webp: no picture in 100,000 chunks", "corrupt_image", {
            file(&[canvas(0, 8, 8), chunk(b"ALPH", &[0]).repeat(100_000)])
        }),
    ]
}
