//! Bits of a scan's compressed data, highest first (ITU T.81, F.2.2.5): `FF 00` is a byte `FF`.
//! Behind the end the bits are zero and are counted, so that data which ends early is noticed;
//! reading never fails by itself.

/// Bits of one restart interval.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next bits, from the highest down; zero below `count`.
    buffer: u64,
    count: u32,
    /// Zero bits that stand behind the end of `data`.
    padding: u64,
}

impl<'a> Bits<'a> {
    /// Bits of `data`, which holds no marker.
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, buffer: 0, count: 0, padding: 0 }
    }

    /// Whether bits behind the end were taken.
    pub(super) fn overran(&self) -> bool {
        self.padding > u64::from(self.count)
    }

    /// Makes at least 32 bits ready, which is a code (16) and its value (15).
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some((bytes, rest)) = self.data.split_first_chunk() {
            let word = u32::from_be_bytes(*bytes);
            if !has_ff(word) {
                self.buffer |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.data = rest;
                return;
            }
        }
        self.refill_bytes();
    }

    #[inline(never)]
    fn refill_bytes(&mut self) {
        while self.count <= 56 {
            let byte = self.next_byte();
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn next_byte(&mut self) -> u8 {
        let (byte, rest) = match self.data {
            // libjpeg takes several FF before 00 as one.
            [0xFF, rest @ ..] => match rest.iter().position(|&b| b != 0xFF) {
                Some(at) => (0xFF, &rest[at + 1..]),
                None => return self.padding_byte(),
            },
            [byte, rest @ ..] => (*byte, rest),
            [] => return self.padding_byte(),
        };
        self.data = rest;
        byte
    }

    fn padding_byte(&mut self) -> u8 {
        self.data = &[];
        self.padding += 8;
        0
    }

    /// The next `count` (1 to 32) bits, which stay.
    #[inline(always)]
    pub(super) fn peek(&self, count: u32) -> u32 {
        (self.buffer >> (64 - count)) as u32
    }

    /// Drops `count` bits that `refill` made ready.
    #[inline(always)]
    pub(super) fn drop(&mut self, count: u32) {
        self.buffer <<= count;
        self.count -= count;
    }

    /// The next `count` (0 to 16) bits.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u32 {
        let bits = (self.buffer >> 48 >> (16 - count)) as u32;
        self.drop(count);
        bits
    }

    /// One bit; makes it ready too.
    #[inline(always)]
    pub(super) fn flag(&mut self) -> bool {
        self.refill();
        self.take(1) == 1
    }

    /// A value of `size` (0 to 15) bits with its sign (F.2.2.1, EXTEND).
    #[inline(always)]
    pub(super) fn signed(&mut self, size: u32) -> i32 {
        extend(self.take(size), size)
    }
}

/// The value that `bits` of a number stand for: those that begin with 0 are negative.
#[inline(always)]
pub(super) fn extend(bits: u32, size: u32) -> i32 {
    let (bits, range) = (bits as i32, 1 << size);
    if bits < range >> 1 { bits - range + 1 } else { bits }
}

/// Whether a byte of `word` is `FF`: adding one to each clears its highest bit.
fn has_ff(word: u32) -> bool {
    word & !word.wrapping_add(0x0101_0101) & 0x8080_8080 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_bytes_are_single_and_the_end_is_noticed() {
        let mut bits = Bits::new(&[0x12, 0xFF, 0x00, 0x34, 0x56, 0xFF, 0xFF, 0x00]);
        let mut next = || {
            bits.refill();
            (bits.take(8), bits.overran())
        };
        let read: Vec<_> = (0..6).map(|_| next()).collect();
        let bytes = [0x12, 0xFF, 0x34, 0x56, 0xFF].map(|byte| (byte, false));
        assert_eq!(read[..5], bytes);
        assert_eq!(read[5], (0, true));
    }

    #[test]
    fn values_carry_their_sign() {
        assert_eq!([extend(0, 0), extend(0, 1), extend(1, 1)], [0, -1, 1]);
        assert_eq!([extend(0, 4), extend(7, 4), extend(8, 4)], [-15, -8, 8]);
    }
}
