//! One scan: its header, the order of its blocks (ITU T.81, A.2), its restart intervals, and the
//! blocks of a sequential scan (F.2.2), which hold all of their coefficients.

use super::{
    bits::Bits,
    damage::Damage,
    huffman::Huffman,
    layout::{Component, Layout},
    tables::ZIGZAG,
};
use crate::preprocess::{
    decode::jpeg::segments::{Segment, corrupt},
    error::ImageError,
};

/// The most blocks in a unit of an interleaved scan (B.2.3).
const MAX_UNIT: usize = 10;

/// The coefficients of 8 x 8 samples, by rows, not yet multiplied by their steps.
pub(super) type Block = [i16; 64];

/// A component of a scan.
pub(super) struct Part {
    /// Which component of the frame it is.
    pub(super) component: usize,
    /// Its tables.
    pub(super) dc: u8,
    pub(super) ac: u8,
    /// Its blocks in a unit.
    across: usize,
    down: usize,
}

/// A scan header, with the data behind it.
pub(super) struct Scan<'a> {
    pub(super) parts: Vec<Part>,
    /// Progressive only: the band, from its first to its last coefficient.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Progressive only: whether higher bits are known already, and the lowest that this scan has.
    pub(super) refines: bool,
    pub(super) low: u32,
    /// Rows of units, and units in a row; a block is a unit where there is but one part.
    pub(super) rows: usize,
    columns: usize,
    /// Rows that make up a row of interleaved units.
    group: usize,
    entropy: &'a [u8],
}

impl<'a> Scan<'a> {
    /// Reads a scan header.
    pub(super) fn read(segment: &Segment<'a>, layout: &Layout) -> Result<Self, ImageError> {
        let (list, &[first, last, bits]) =
            segment.payload.split_last_chunk().ok_or_else(bad_header)?;
        let parts = parts(list, layout)?;
        let (rows, columns, group) = match &parts[..] {
            [Part { component, .. }] => {
                let component = &layout.components[*component];
                (component.blocks_high, component.blocks_wide, component.down)
            }
            _ => (layout.units_high, layout.units_wide, 1),
        };
        Ok(Self {
            parts,
            first: first.into(),
            last: last.into(),
            refines: bits >> 4 != 0,
            low: u32::from(bits & 15),
            rows,
            columns,
            group,
            entropy: segment.entropy,
        })
    }

    /// How many rows of interleaved units the first `rows` rows make up.
    pub(super) fn whole_units(&self, rows: usize) -> usize {
        if rows < self.rows { rows / self.group } else { rows.div_ceil(self.group) }
    }

    /// The start of the data.
    pub(super) fn cursor(&self, restart_interval: u16) -> Cursor<'a> {
        let (interval, rest) = split_at_restart(self.entropy);
        Cursor {
            bits: Bits::new(interval),
            predictions: [0; 4],
            zero_blocks: 0,
            interval: restart_interval,
            left: restart_interval,
            next: 0,
            rest,
        }
    }

    /// Calls `visit` for each block in a row of units with the index of its part and the block's
    /// row and column, some of which lie beyond the image.
    #[inline(always)]
    pub(super) fn visit_row(
        &self,
        row: usize,
        cursor: &mut Cursor<'a>,
        mut visit: impl FnMut(&mut Cursor<'a>, usize, usize, usize) -> Result<(), Damage>,
    ) -> Result<(), Damage> {
        for column in 0..self.columns {
            cursor.begin_unit()?;
            for (index, part) in self.parts.iter().enumerate() {
                for y in row * part.down..(row + 1) * part.down {
                    for x in column * part.across..(column + 1) * part.across {
                        visit(cursor, index, y, x)?;
                    }
                }
            }
        }
        cursor.check()
    }
}

/// The components that a scan header lists, with their tables.
fn parts(list: &[u8], layout: &Layout) -> Result<Vec<Part>, ImageError> {
    let (&count, list) = list.split_first().ok_or_else(bad_header)?;
    if list.len() != 2 * usize::from(count) || !(1..=4).contains(&count) {
        return Err(bad_header());
    }
    let mut parts: Vec<Part> = Vec::new();
    for &[id, tables] in list.as_chunks().0 {
        let is_meant = |i, c: &Component| c.id == id && parts.iter().all(|p| p.component != i);
        let mut all = layout.components.iter().enumerate();
        let (component, found) = all.find(|(i, c)| is_meant(*i, c)).ok_or_else(bad_header)?;
        let alone = count == 1;
        parts.push(Part {
            component,
            dc: tables >> 4,
            ac: tables & 15,
            across: if alone { 1 } else { found.across },
            down: if alone { 1 } else { found.down },
        });
    }
    if parts.iter().map(|p| p.across * p.down).sum::<usize>() > MAX_UNIT {
        return Err(corrupt("a unit of its scan has more than 10 blocks"));
    }
    Ok(parts)
}

fn bad_header() -> ImageError {
    corrupt("a scan header is invalid")
}

/// The place in a scan's data, and what is carried from block to block.
pub(super) struct Cursor<'a> {
    pub(super) bits: Bits<'a>,
    /// The last DC value of each part.
    pub(super) predictions: [i32; 4],
    /// Progressive only: blocks still to come whose band has no further new coefficient.
    pub(super) zero_blocks: u32,
    interval: u16,
    left: u16,
    /// The number of the next restart marker.
    next: u8,
    rest: &'a [u8],
}

impl Cursor<'_> {
    /// An error if the data ended early.
    fn check(&self) -> Result<(), Damage> {
        if self.bits.overran() {
            return Err(Damage::Early);
        }
        Ok(())
    }

    #[inline(always)]
    fn begin_unit(&mut self) -> Result<(), Damage> {
        if self.interval == 0 {
            return Ok(());
        }
        if self.left == 0 {
            self.restart()?;
        }
        self.left -= 1;
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Damage> {
        self.check()?;
        let (&marker, data) = self.rest.split_first().ok_or(Damage::Early)?;
        if marker & 7 != self.next {
            return Err(Damage::Restart);
        }
        let (interval, rest) = split_at_restart(data);
        *self = Self {
            bits: Bits::new(interval),
            predictions: [0; 4],
            zero_blocks: 0,
            left: self.interval,
            next: (self.next + 1) & 7,
            rest,
            ..*self
        };
        Ok(())
    }
}

/// The data before the next restart marker, and what follows from that marker's number on.
fn split_at_restart(data: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(found) = data[at..].iter().position(|&b| b == 0xFF) {
        let start = at + found;
        let Some(fill) = data[start..].iter().position(|&b| b != 0xFF) else {
            break;
        };
        at = start + fill;
        if data[at] != 0 {
            return (&data[..start], &data[at..]);
        }
    }
    (data, &[])
}

/// Decodes a block of a sequential scan into `block`, which is all zero.
#[inline(always)]
pub(super) fn sequential_block(
    bits: &mut Bits<'_>,
    (dc, ac): (&Huffman, &Huffman),
    prediction: &mut i32,
    block: &mut Block,
) -> Result<(), Damage> {
    bits.refill();
    let size = dc.symbol(bits)?;
    *prediction = prediction.wrapping_add(bits.signed(size.into()));
    block[0] = *prediction as i16;
    let mut at = 1;
    while at < 64 {
        bits.refill();
        let short = ac.peek(bits);
        let value = if short.bits > 0 {
            bits.drop(short.bits.into());
            at += usize::from(short.run);
            short.value
        } else {
            let symbol = ac.symbol(bits)?;
            let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run;
            bits.signed(size) as i16
        };
        let place = *ZIGZAG.get(at).ok_or(Damage::Coefficient)?;
        block[usize::from(place & 63)] = value;
        at += 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_end_at_restart_markers_only() {
        let data = [1, 0xFF, 0, 2, 0xFF, 0xFF, 0xD1, 3, 0xFF, 0xD2];
        let (first, rest) = split_at_restart(&data);
        assert_eq!((first, rest), (&data[..4], &data[6..]));
        let (second, rest) = split_at_restart(&rest[1..]);
        assert_eq!((second, rest), (&data[7..8], &data[9..]));
        assert_eq!(split_at_restart(&rest[1..]), (&[][..], &[][..]));
    }
}
