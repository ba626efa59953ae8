//! LZW as GIF and TIFF have it. A code's text is kept as its place in what was written before, so
//! that a new code costs one entry and a clear code costs nothing, however many of them a file has.

/// The widest code, in bits.
const MAX_WIDTH: u32 = 12;

/// The two dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Codes from the lowest bit of a byte on.
    Gif,
    /// Codes from the highest bit on, each width used for one code less.
    Tiff,
}

/// A code that stands for nothing at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidCode;

/// Fills `out` with what `data` stands for; gives how much of it was filled before an end code, or
/// the end of the data. `literal_bits` (1 to 11) are those of a byte that stands for itself.
pub(super) fn decode(
    dialect: Dialect,
    literal_bits: u32,
    data: impl Iterator<Item = u8>,
    out: &mut [u8],
) -> Result<usize, InvalidCode> {
    let (clear, end) = (1usize << literal_bits, (1usize << literal_bits) + 1);
    let early = usize::from(dialect == Dialect::Tiff);
    let mut codes = Codes { dialect, data, buffer: 0, count: 0 };
    // Start and length in `out` of the text of each code behind `end`.
    let mut texts = [(0, 0); 1 << MAX_WIDTH];
    let (mut next, mut width) = (end + 1, literal_bits + 1);
    let (mut filled, mut previous) = (0, None);
    while filled < out.len()
        && let Some(code) = codes.next(width)
    {
        if code == clear {
            (next, width, previous) = (end + 1, literal_bits + 1, None);
            continue;
        }
        if code == end {
            break;
        }
        // The text before and one byte more, which is the first of the text to come.
        if let Some((start, length)) = previous
            && next < texts.len()
        {
            texts[next] = (start, length + 1);
            next += 1;
            if next + early == 1 << width && width < MAX_WIDTH {
                width += 1;
            }
        }
        let length = if code < clear {
            out[filled] = code as u8;
            1
        } else {
            let (start, length) = if code < next { texts[code] } else { (0, 0) };
            if length == 0 {
                return Err(InvalidCode);
            }
            copy(out, start, filled, length)
        };
        previous = Some((filled, length));
        filled += length;
    }
    Ok(filled)
}

/// Copies `length` bytes at `start` to `to`, as far as there is room, and gives how many those are.
/// The last byte may be the first that is written.
fn copy(out: &mut [u8], start: usize, to: usize, length: usize) -> usize {
    let length = length.min(out.len() - to);
    let known = length.min(to - start);
    out.copy_within(start..start + known, to);
    if known < length {
        out[to + known] = out[start + known];
    }
    length
}

/// The codes of compressed data.
struct Codes<I> {
    dialect: Dialect,
    data: I,
    /// The next bits: the lowest `count` of them, or for TIFF those up to the highest.
    buffer: u32,
    count: u32,
}

impl<I: Iterator<Item = u8>> Codes<I> {
    /// The next `width` bits; nothing where there are not as many.
    #[inline]
    fn next(&mut self, width: u32) -> Option<usize> {
        while self.count < width {
            let byte = u32::from(self.data.next()?);
            self.buffer |= match self.dialect {
                Dialect::Gif => byte << self.count,
                Dialect::Tiff => byte << (24 - self.count),
            };
            self.count += 8;
        }
        self.count -= width;
        let code;
        match self.dialect {
            Dialect::Gif => {
                code = self.buffer & ((1 << width) - 1);
                self.buffer >>= width;
            }
            Dialect::Tiff => {
                code = self.buffer >> (32 - width);
                self.buffer <<= width;
            }
        }
        Some(code as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(dialect: Dialect, bits: u32, data: &[u8], size: usize) -> Vec<u8> {
        let mut out = vec![0; size];
        let filled = decode(dialect, bits, data.iter().copied(), &mut out).unwrap();
        out.truncate(filled);
        out
    }

    #[test]
    fn tiffs_example_is_read() {
        // TIFF 6.0, section 13: codes 256 7 258 8 8 258 6 6 257 of 9 bits.
        let data = [0x80, 0x01, 0xE0, 0x40, 0x80, 0x44, 0x08, 0x0C, 0x06, 0x80, 0x80];
        assert_eq!(decode_all(Dialect::Tiff, 8, &data, 99), [7, 7, 7, 8, 8, 7, 7, 6, 6]);
    }

    #[test]
    fn a_code_may_stand_for_the_text_that_it_completes() {
        // Codes of GIF with 2 bits: clear (4), 1, 6, 7, end (5); 3 bits each, the last of 4.
        let bits = 4u32 | 1 << 3 | 6 << 6 | 7 << 9 | 5 << 12;
        let data = &bits.to_le_bytes()[..3];
        assert_eq!(decode_all(Dialect::Gif, 2, data, 99), [1; 6]);
        // No more than is asked for is written.
        assert_eq!(decode_all(Dialect::Gif, 2, data, 4), [1; 4]);
    }

    #[test]
    fn a_code_that_is_not_yet_known_is_refused() {
        let data = (4u32 | 7 << 3).to_le_bytes();
        assert_eq!(decode(Dialect::Gif, 2, data.into_iter(), &mut [0; 9]), Err(InvalidCode));
        // The first code behind a clear code has no text before it.
        let data = (4u32 | 6 << 3).to_le_bytes();
        assert_eq!(decode(Dialect::Gif, 2, data.into_iter(), &mut [0; 9]), Err(InvalidCode));
    }

    #[test]
    fn clear_codes_cost_nothing_and_data_may_end_anywhere() {
        let clear = [0x80, 0x40, 0x20, 0x10, 0x08, 0x04, 0x02, 0x01, 0x00].repeat(1 << 16);
        assert!(decode_all(Dialect::Tiff, 8, &clear, 9).is_empty());
        assert!(decode_all(Dialect::Gif, 8, &[], 9).is_empty());
    }
}
