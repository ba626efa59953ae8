//! Files made hostile: a good one, changed in one to three ways that a decoder may not expect. What
//! comes out depends on the seed and the number alone.

#![expect(clippy::ptr_arg, reason = "all changes have one type, and most change the length")]

use std::ops::Range;

/// Longest file that is made, in bytes, so that copies of copies stay small.
const LONGEST: usize = 1 << 20;

/// splitmix64.
pub struct Random(u64);

impl Random {
    /// Those of file `number` of a campaign with `seed`.
    pub fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xD605_BBB5_8C8A_BC1D));
        random.next();
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// A part of `length` bytes, short ones as often as long ones.
    fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length + 1);
        let longest = (length - start) >> self.below(12);
        start..start + self.below(longest + 1)
    }
}

/// The files that others are made from.
pub struct Seeds(Vec<(String, Vec<u8>)>);

/// How a file was changed, and the file.
pub struct Hostile {
    /// The seed's name and the changes, for a failure.
    pub made: String,
    pub bytes: Vec<u8>,
}

type Change = fn(&mut Vec<u8>, &mut Random, &Seeds);

/// What can be done to a file.
const CHANGES: &[(&str, Change)] = &[
    ("truncated", |file, random, _| file.truncate(random.below(file.len() + 1))),
    ("bits flipped", flip_bits),
    ("bytes replaced", replace_bytes),
    ("number written", write_number),
    ("number in the head", write_number_in_head),
    ("number in the directory", write_number_in_directory),
    ("a size out of all proportion", write_size),
    ("another signature", swap_signature),
    ("spliced", splice),
    ("a part repeated", repeat),
    ("a part removed", |file, random, _| drop(file.drain(random.range(file.len())))),
    ("parts exchanged", exchange),
    ("zeros or ones", fill),
    ("junk put in", insert_junk),
    ("junk behind the head", junk_behind_head),
];

impl Seeds {
    /// From names and files, none of which is empty.
    pub fn new(files: Vec<(String, Vec<u8>)>) -> Self {
        Self(files)
    }

    /// File `number` of a campaign.
    pub fn hostile(&self, seed: u64, number: u64) -> Hostile {
        let mut random = Random::of(seed, number);
        // In turn, so that each is used.
        let (name, file) = &self.0[number as usize % self.0.len()];
        let (mut made, mut bytes) = (name.clone(), file.clone());
        for _ in 0..1 + random.below(3) {
            let (what, change) = random.pick(CHANGES);
            change(&mut bytes, &mut random, self);
            bytes.truncate(LONGEST);
            made = format!("{made}, {what}");
        }
        if random.below(4) > 0 {
            mend_png_checksums(&mut bytes);
        }
        Hostile { made, bytes }
    }
}

fn flip_bits(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    for _ in 0..1 + random.below(8) {
        if !file.is_empty() {
            let at = random.below(file.len());
            file[at] ^= 1 << random.below(8);
        }
    }
}

fn replace_bytes(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    for _ in 0..1 + random.below(8) {
        if !file.is_empty() {
            let at = random.below(file.len());
            let any = random.next() as u8;
            file[at] = random.pick(&[0, 1, 0x7F, 0x80, 0xFE, 0xFF, any, any]);
        }
    }
}

/// A number that is likely to be at the edge of something.
fn number(random: &mut Random) -> u64 {
    let power = 1u64.wrapping_shl(random.below(64) as u32);
    let any = random.next() >> random.below(64);
    random.pick(&[0, 1, 2, 0x7FFF_FFFF, 0x8000_0000, u64::MAX, power, power - 1, power + 1, any])
}

/// Overwrites two, four or eight bytes from `at` on, in either order of bytes.
fn put_number(file: &mut [u8], at: usize, random: &mut Random) {
    let (value, width) = (number(random), random.pick(&[1, 2, 2, 3, 4, 4, 8]));
    let mut digits = value.to_le_bytes()[..width].to_vec();
    if random.below(2) == 0 {
        digits.reverse();
    }
    for (out, digit) in file.iter_mut().skip(at).zip(digits) {
        *out = digit;
    }
}

fn write_number(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let at = random.below(file.len() + 1);
    put_number(file, at, random);
}

/// Where the headers of all formats are.
fn write_number_in_head(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    for _ in 0..1 + random.below(3) {
        let at = random.below(file.len().min(64) + 1);
        put_number(file, at, random);
    }
}

/// Near where a marker, a chunk or a table begins: a directory of a TIFF, a segment of a JPEG, a
/// chunk of a PNG or WebP, an image of a GIF.
fn write_number_in_directory(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let places: Vec<usize> = match &file[..] {
        [b'I', b'I', 42, 0, a, b, c, d, ..] => {
            let at = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            (at..at + 240).collect()
        }
        [b'M', b'M', 0, 42, a, b, c, d, ..] => {
            let at = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            (at..at + 240).collect()
        }
        _ => {
            let is_start = |pair: &[u8]| {
                matches!(pair, [0xFF, 0xC0..=0xFE] | [b',' | b'!', _])
                    || pair.iter().all(u8::is_ascii_alphabetic)
            };
            let pairs = file.windows(2).enumerate().filter(|(_, pair)| is_start(pair));
            pairs.flat_map(|(at, _)| at.saturating_sub(4)..at + 14).collect()
        }
    };
    if !places.is_empty() {
        let at = random.pick(&places);
        put_number(file, at, random);
    }
}

/// A width or height where the format has it, large or zero.
fn write_size(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let side = random.pick(&[0u32, 1, 3, 255, 4096, 13_000, 16_383, 32_768, 65_535, u32::MAX]);
    let frame = file.windows(2).position(|pair| matches!(pair, [0xFF, 0xC0..=0xC2]));
    let (at, digits) = match file.get(..2) {
        Some([0xFF, 0xD8]) => (frame.unwrap_or(0) + 5, side.to_be_bytes()[2..].to_vec()),
        Some([0x89, b'P']) => (16, side.to_be_bytes().to_vec()),
        Some(b"GI") => (6, side.to_le_bytes()[..2].to_vec()),
        Some(b"BM") => (18, side.to_le_bytes().to_vec()),
        Some(b"RI") => (random.pick(&[21, 24, 26]), side.to_le_bytes()[..3].to_vec()),
        _ => (random.below(file.len() + 1), side.to_le_bytes().to_vec()),
    };
    let at = at + random.pick(&[0, digits.len()]);
    for (out, digit) in file.iter_mut().skip(at).zip(digits) {
        *out = digit;
    }
}

/// The first bytes of another format.
fn swap_signature(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    const SIGNATURES: &[&[u8]] = &[
        b"\xFF\xD8\xFF",
        b"\x89PNG\r\n\x1A\n",
        b"GIF87a",
        b"GIF89a",
        b"RIFF\xFF\xFF\0\0WEBPVP8 ",
        b"RIFF\xFF\xFF\0\0WEBPVP8L",
        b"RIFF\xFF\xFF\0\0WEBPVP8X",
        b"BM",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"II+\0\x08\0\0\0",
        b"%PDF-1.7",
        b"\x1F\x8B\x08",
    ];
    for (out, byte) in file.iter_mut().zip(random.pick(SIGNATURES)) {
        *out = *byte;
    }
}

fn splice(file: &mut Vec<u8>, random: &mut Random, seeds: &Seeds) {
    let (_, other) = &seeds.0[random.below(seeds.0.len())];
    file.truncate(random.below(file.len() + 1));
    file.extend_from_slice(&other[random.below(other.len())..]);
}

fn repeat(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let range = random.range(file.len());
    let part = file[range.clone()].to_vec();
    let most = (LONGEST / part.len().max(1)).min(1 << random.below(14));
    file.splice(range, part.repeat(1 + most));
}

fn exchange(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let (middle, end) = (random.below(file.len() + 1), random.range(file.len()).end);
    let (from, to) = (middle.min(end), middle.max(end));
    let turn = random.below(to - from + 1);
    file[from..to].rotate_left(turn);
}

fn fill(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let range = random.range(file.len());
    file[range].fill(random.pick(&[0, 0xFF]));
}

fn insert_junk(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let at = random.below(file.len() + 1);
    let length = 1 << random.below(14);
    let junk: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
    file.splice(at..at, junk);
}

fn junk_behind_head(file: &mut Vec<u8>, random: &mut Random, _: &Seeds) {
    let head = random.below(64).min(file.len());
    file[head..].fill_with(|| random.next() as u8);
}

/// Makes the checksums of a PNG's chunks right again, or changes would get no further than them.
fn mend_png_checksums(file: &mut [u8]) {
    if !file.starts_with(b"\x89PNG") {
        return;
    }
    let mut at = 8;
    while let Some(length) = file.get(at..at + 4) {
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
        let end = at + 8 + length;
        let Some(chunk) = file.get(at + 4..end) else { return };
        let mut checksum = flate2::Crc::new();
        checksum.update(chunk);
        let Some(stored) = file.get_mut(end..end + 4) else { return };
        stored.copy_from_slice(&checksum.sum().to_be_bytes());
        at = end + 4;
    }
}
