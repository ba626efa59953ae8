//! Huffman codes (ITU T.81, annex C): a table from the next ten bits to a symbol, and one to a
//! whole coefficient where its code and its value fit in them. Longer codes are found by length.

use super::{
    bits::{Bits, extend},
    damage::Damage,
};
use crate::preprocess::{decode::jpeg::segments::corrupt, error::ImageError};

/// Bits that are looked up at once.
const LOOK: u32 = 10;

/// A table as it is stored: how many codes there are of each length, and the symbol of each, as
/// many as the counts add up to.
pub(super) struct Codes<'a> {
    pub(super) counts: &'a [u8; 16],
    pub(super) symbols: &'a [u8],
}

/// A coefficient whose code and value fit in `LOOK` bits.
#[derive(Clone, Copy, Default)]
pub(super) struct Short {
    pub(super) value: i16,
    /// Zero coefficients before it.
    pub(super) run: u8,
    /// Bits of the code and the value; 0 where there is no such coefficient.
    pub(super) bits: u8,
}

/// A table ready to decode.
pub(super) struct Huffman {
    /// By the next `LOOK` bits: the code's length times 256 plus its symbol, or 0.
    short: Box<[u16; 1 << LOOK]>,
    values: Box<[Short; 1 << LOOK]>,
    /// By length: the end of its codes, and what to add to a code for its place in `symbols`.
    ends: [(u32, i32); 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// Assigns the codes, in order (C.2).
    ///
    /// # Errors
    /// If there are more codes of a length than fit, all ones among them (as for libjpeg).
    pub(super) fn new(codes: &Codes<'_>) -> Result<Self, ImageError> {
        let mut table = Self {
            short: Box::new([0; 1 << LOOK]),
            values: Box::new([Short::default(); 1 << LOOK]),
            ends: [(0, 0); 17],
            symbols: codes.symbols.to_vec(),
        };
        let (mut code, mut at) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(codes.counts) {
            let end = code + u32::from(count);
            if count > 0 && end >> length != 0 {
                return Err(bad_table());
            }
            table.ends[length as usize] = (end, at as i32 - code as i32);
            for code in code..end {
                table.insert(code, length, table.symbols[at]);
                at += 1;
            }
            code = end << 1;
        }
        Ok(table)
    }

    /// A table of DC differences, whose symbols are sizes up to 15.
    pub(super) fn new_dc(codes: &Codes<'_>) -> Result<Self, ImageError> {
        if codes.symbols.iter().any(|&size| size > 15) {
            return Err(bad_table());
        }
        Self::new(codes)
    }

    fn insert(&mut self, code: u32, length: u32, symbol: u8) {
        if length > LOOK {
            return;
        }
        let free = LOOK - length;
        let (run, size) = (symbol >> 4, u32::from(symbol & 15));
        for low in 0..1u32 << free {
            let index = ((code << free) | low) as usize;
            self.short[index] = (length << 8) as u16 | u16::from(symbol);
            if (1..=free).contains(&size) {
                self.values[index] = Short {
                    value: extend(low >> (free - size), size) as i16,
                    run,
                    bits: (length + size) as u8,
                };
            }
        }
    }

    /// The coefficient that the next bits hold, if it is short; it stays.
    #[inline(always)]
    pub(super) fn peek(&self, bits: &Bits<'_>) -> Short {
        self.values[bits.peek(LOOK) as usize]
    }

    /// Takes the next code; 16 bits are ready.
    #[inline(always)]
    pub(super) fn symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Damage> {
        let entry = self.short[bits.peek(LOOK) as usize];
        if entry == 0 {
            return self.long_symbol(bits);
        }
        bits.drop(u32::from(entry >> 8));
        Ok(entry as u8)
    }

    #[inline(never)]
    fn long_symbol(&self, bits: &mut Bits<'_>) -> Result<u8, Damage> {
        let next = bits.peek(16);
        for length in LOOK + 1..=16 {
            let code = next >> (16 - length);
            let (end, offset) = self.ends[length as usize];
            if code < end {
                bits.drop(length);
                let symbol = self.symbols.get((code as i32 + offset) as usize);
                return symbol.copied().ok_or(Damage::Code);
            }
        }
        Err(Damage::Code)
    }
}

fn bad_table() -> ImageError {
    corrupt("a Huffman table is invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes<'a>(counts: &'a [u8; 16], symbols: &'a [u8]) -> Codes<'a> {
        Codes { counts, symbols }
    }

    #[test]
    fn codes_of_every_length_are_found() {
        // One code of each length: 0, 10, 110, ...
        let symbols: Vec<u8> = (0..16).collect();
        let table = Huffman::new(&codes(&[1; 16], &symbols)).unwrap();
        for length in 1..=16u8 {
            let code = (0xFFFFu32 << (17 - u32::from(length))) as u16;
            let mut data = Vec::new();
            for byte in code.to_be_bytes() {
                data.push(byte);
                if byte == 0xFF {
                    data.push(0);
                }
            }
            let mut bits = Bits::new(&data);
            bits.refill();
            assert_eq!(table.symbol(&mut bits).unwrap(), length - 1);
        }
    }

    #[test]
    fn a_code_of_all_ones_is_refused() {
        let mut counts = [0; 16];
        counts[0] = 2;
        assert!(Huffman::new(&codes(&counts, &[0, 1])).is_err());
    }

    #[test]
    fn bits_that_are_no_code_are_damage() {
        let mut counts = [0; 16];
        counts[1] = 2;
        let table = Huffman::new(&codes(&counts, &[5, 6])).unwrap();
        let mut bits = Bits::new(&[0b1100_0000, 0]);
        bits.refill();
        assert!(table.symbol(&mut bits).is_err());
    }
}
