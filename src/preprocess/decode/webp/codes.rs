//! The memory that the codes of a lossless picture will take, found by reading the stream up to
//! its pixels and keeping none of it. A picture of one pixel may say that it has 65,536 groups of
//! five codes, for which the decoder would take gigabytes; such a stream is refused before.
//!
//! Follows the "WebP Lossless Bitstream Specification", sections 4 and 6.

use super::{corrupt, short};
use crate::preprocess::error::ImageError;

/// Bytes that codes may take in any case, and for each pixel of the picture. libwebp makes at most
/// 2600 groups, and few of them where pixels are few.
pub(in crate::preprocess) const FREE_BYTES: u64 = 32 << 20;
pub(in crate::preprocess) const BYTES_A_PIXEL: u64 = 2;

/// What the decoder takes for a group, beside the tables of its codes.
const GROUP_BYTES: u64 = 900;
/// The longest code that it looks up at once, in bits, and its bytes for each entry of that table,
/// and for each symbol of a longer code.
const TABLE_BITS: usize = 10;
const ENTRY_BYTES: u64 = 4;
const LONG_SYMBOL_BYTES: u64 = 64;

/// Symbols of the five codes of a group: green or length, red, blue, alpha, distance.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];

/// The order in which the lengths of the code of lengths are stored.
const LENGTHS_ORDER: [usize; 19] =
    [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Checks the stream of a picture, which begins with its transforms.
///
/// # Errors
/// [`ImageError::Unsupported`] where its codes take too much, else what is wrong with the stream.
pub(super) fn check(stream: &[u8], width: u32, height: u32) -> Result<(), ImageError> {
    let pixels = u64::from(width) * u64::from(height);
    let mut reader = Reader { stream, bit: 0, left: FREE_BYTES + BYTES_A_PIXEL * pixels };
    let width = reader.transforms(width, height)?;
    let cache = reader.cache()?;
    let groups = if reader.bits(1)? == 1 { reader.groups(width, height)? } else { 1 };
    for _ in 0..groups {
        reader.group(cache)?;
    }
    Ok(())
}

struct Reader<'a> {
    stream: &'a [u8],
    bit: usize,
    /// Bytes that codes may still take.
    left: u64,
}

impl Reader<'_> {
    /// The next `count` (up to 24) bits, lowest first.
    fn bits(&mut self, count: usize) -> Result<usize, ImageError> {
        let bytes = self.stream.get(self.bit / 8..).unwrap_or_default();
        if self.bit + count > 8 * self.stream.len() {
            return Err(short());
        }
        let word = bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | *byte as usize);
        let found = word >> (self.bit % 8) & ((1 << count) - 1);
        self.bit += count;
        Ok(found)
    }

    /// Goes past the transforms; gives the width that is left of `width`.
    fn transforms(&mut self, mut width: u32, height: u32) -> Result<u32, ImageError> {
        let mut seen = [false; 4];
        while self.bits(1)? == 1 {
            let kind = self.bits(2)?;
            if std::mem::replace(&mut seen[kind], true) {
                return Err(corrupt("it has a transform twice"));
            }
            match kind {
                // Predictors and colour: a small picture of what is done to each block.
                0 | 1 => {
                    let side = 1 << (self.bits(3)? + 2);
                    self.picture(width.div_ceil(side), height.div_ceil(side))?;
                }
                // Subtraction of green.
                2 => {}
                // A palette, the indices of which may be packed.
                _ => {
                    let colors = self.bits(8)? as u32 + 1;
                    self.picture(colors, 1)?;
                    let packed = match colors {
                        1..=2 => 8,
                        3..=4 => 4,
                        5..=16 => 2,
                        _ => 1,
                    };
                    width = width.div_ceil(packed);
                }
            }
        }
        Ok(width)
    }

    /// How many colours are cached.
    fn cache(&mut self) -> Result<usize, ImageError> {
        if self.bits(1)? == 0 {
            return Ok(0);
        }
        match self.bits(4)? {
            bits @ 1..=11 => Ok(1 << bits),
            bits => Err(corrupt(&format!("a colour cache of {bits} bits"))),
        }
    }

    /// The number of groups by the picture that says which block has which.
    fn groups(&mut self, width: u32, height: u32) -> Result<usize, ImageError> {
        let side = 1 << (self.bits(3)? + 2);
        Ok(self.picture(width.div_ceil(side), height.div_ceil(side))? + 1)
    }

    /// Goes past a picture with one group of codes; gives the largest of its pixels' red and green
    /// as one number. Copies hold no larger ones.
    fn picture(&mut self, width: u32, height: u32) -> Result<usize, ImageError> {
        let cache = self.cache()?;
        let [green, red, blue, alpha, distance] = self.group(cache)?;
        let (mut largest, mut pixels) = (0, u64::from(width) * u64::from(height));
        while pixels > 0 {
            let symbol = self.symbol(&green)?;
            let mut count = 1;
            if symbol < 256 {
                let red = self.symbol(&red)?;
                self.symbol(&blue)?;
                self.symbol(&alpha)?;
                largest = largest.max(red << 8 | symbol);
            } else if symbol < 256 + 24 {
                count = self.number(symbol - 256)? as u64;
                let distance = self.symbol(&distance)?;
                self.number(distance)?;
            }
            pixels = pixels.saturating_sub(count);
        }
        Ok(largest)
    }

    /// The length or distance of a prefix code.
    fn number(&mut self, prefix: usize) -> Result<usize, ImageError> {
        if prefix < 4 {
            return Ok(prefix + 1);
        }
        let more = (prefix - 2) >> 1;
        Ok(((2 + (prefix & 1)) << more) + self.bits(more)? + 1)
    }

    /// The five codes of a group.
    fn group(&mut self, cache: usize) -> Result<[Code; 5], ImageError> {
        self.take(GROUP_BYTES)?;
        let mut codes = [const { Code::none() }; 5];
        for (index, (code, alphabet)) in codes.iter_mut().zip(ALPHABETS).enumerate() {
            *code = self.code(if index == 0 { alphabet + cache } else { alphabet })?;
            self.take(code.bytes())?;
        }
        Ok(codes)
    }

    fn take(&mut self, bytes: u64) -> Result<(), ImageError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| {
            ImageError::unsupported(
                crate::preprocess::Format::WebP,
                "its codes take far more memory than its pixels",
            )
        })?;
        Ok(())
    }

    fn code(&mut self, alphabet: usize) -> Result<Code, ImageError> {
        if self.bits(1)? == 1 {
            return self.simple_code(alphabet);
        }
        let mut lengths = [0; LENGTHS_ORDER.len()];
        for place in LENGTHS_ORDER.into_iter().take(self.bits(4)? + 4) {
            lengths[place] = self.bits(3)? as u8;
        }
        let of_lengths = Code::new(&lengths)?;
        let mut most = alphabet;
        if self.bits(1)? == 1 {
            let width = 2 + 2 * self.bits(3)?;
            most = self.bits(width)? + 2;
        }
        let (mut lengths, mut previous) = (Vec::with_capacity(alphabet), 8);
        while lengths.len() < alphabet && most > 0 {
            most -= 1;
            let (length, times) = match self.symbol(&of_lengths)? {
                16 => (previous, 3 + self.bits(2)?),
                17 => (0, 3 + self.bits(3)?),
                18 => (0, 11 + self.bits(7)?),
                length => (length as u8, 1),
            };
            if length != 0 {
                previous = length;
            }
            lengths.resize(lengths.len() + times, length);
        }
        if lengths.len() > alphabet {
            return Err(corrupt("a code of more symbols than there are"));
        }
        Code::new(&lengths)
    }

    /// A code of one or two symbols.
    fn simple_code(&mut self, alphabet: usize) -> Result<Code, ImageError> {
        let two = self.bits(1)? == 1;
        let width = 1 + 7 * self.bits(1)?;
        let mut symbols = vec![self.bits(width)? as u16];
        if two {
            symbols.push(self.bits(8)? as u16);
        }
        if symbols.iter().any(|symbol| usize::from(*symbol) >= alphabet) {
            return Err(corrupt("a code of a symbol that there is not"));
        }
        let mut counts = [0; 16];
        counts[usize::from(two)] = symbols.len() as u16;
        Ok(Code { counts, symbols })
    }

    /// The next symbol of `code`.
    fn symbol(&mut self, code: &Code) -> Result<usize, ImageError> {
        if let [symbol] = code.symbols[..] {
            return Ok(symbol.into());
        }
        let (mut bits, mut first, mut index) = (0, 0, 0);
        for count in code.counts[1..].iter().copied().map(usize::from) {
            bits |= self.bits(1)?;
            if bits < first + count {
                return Ok(code.symbols[index + bits - first].into());
            }
            index += count;
            first = (first + count) << 1;
            bits <<= 1;
        }
        Err(corrupt("bits that are no code"))
    }
}

/// A canonical code: how many symbols have each length, and the symbols in order.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    const fn none() -> Self {
        Self { counts: [0; 16], symbols: Vec::new() }
    }

    /// From the length of each symbol, 0 where it is not used.
    fn new(lengths: &[u8]) -> Result<Self, ImageError> {
        let mut counts = [0; 16];
        for length in lengths.iter().filter(|length| **length > 0) {
            counts[usize::from(*length)] += 1;
        }
        let mut symbols: Vec<u16> =
            (0..lengths.len()).filter(|&i| lengths[i] > 0).map(|i| i as u16).collect();
        symbols.sort_by_key(|symbol| lengths[usize::from(*symbol)]);
        let used: u32 = (1..16).map(|length| u32::from(counts[length]) << (15 - length)).sum();
        // A code of one symbol has no bits.
        if symbols.len() != 1 && used != 1 << 15 {
            return Err(corrupt("a code that is not complete"));
        }
        Ok(Self { counts, symbols })
    }

    /// What the decoder's tables of this code take.
    fn bytes(&self) -> u64 {
        if self.symbols.len() == 1 {
            return 0;
        }
        let longest = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let long = self.counts.iter().skip(TABLE_BITS + 1).copied().map(u64::from).sum::<u64>();
        ENTRY_BYTES * (1 << longest.min(TABLE_BITS)) + LONG_SYMBOL_BYTES * (long + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_ends_is_too_short_and_a_code_has_to_be_complete() {
        assert_eq!(check(&[], 1, 1).unwrap_err().code(), "truncated_image");
        assert!(Code::new(&[1, 2, 0, 2]).is_ok());
        assert!(Code::new(&[1, 2, 0, 3]).is_err());
        assert!(Code::new(&[0, 7]).is_ok_and(|code| code.bytes() == 0));
        assert!(Code::new(&[0, 0]).is_err());
    }
}
