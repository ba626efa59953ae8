//! The scans of a progressive image (ITU T.81, annex G): each adds coefficients of a band, or one
//! more bit of those that are known. The coefficients of all components are kept, two bytes a
//! sample, until the last scan is read.

use super::{
    bits::Bits,
    damage::Damage,
    huffman::Huffman,
    layout::Layout,
    scan::{Block, Cursor, Scan},
    tables::{Steps, Tables, ZIGZAG},
};
use crate::preprocess::{
    decode::{jpeg::segments::corrupt, memory},
    error::ImageError,
};

/// What the scans so far tell of a component.
pub(super) struct Coefficients {
    /// All blocks, by rows, with those that fill up the last units.
    blocks: Vec<Block>,
    /// Blocks in a row.
    stride: usize,
    /// The steps that were current at the component's first scan; zero before it.
    pub(super) steps: Steps,
    seen: bool,
    /// For each coefficient in the file's order: how many of its lowest bits are still unknown,
    /// or that all of it is.
    pub(super) unknown: [Option<u8>; 64],
}

impl Coefficients {
    /// Zeros for each component.
    pub(super) fn new(layout: &Layout) -> Result<Vec<Self>, ImageError> {
        let components = layout.components.iter();
        let each = components.map(|c| {
            Ok(Self {
                blocks: memory::zeros([c.stored_wide, c.stored_high, 1])?,
                stride: c.stored_wide,
                steps: [0; 64],
                seen: false,
                unknown: [None; 64],
            })
        });
        each.collect()
    }

    /// The block in the given row and column.
    pub(super) fn block(&self, row: usize, column: usize) -> &Block {
        &self.blocks[row * self.stride + column]
    }
}

/// Adds a scan to the coefficients of its components.
pub(super) fn read_scan(
    scan: &Scan<'_>,
    tables: &Tables<'_>,
    layout: &Layout,
    all: &mut [Coefficients],
) -> Result<(), ImageError> {
    for part in &scan.parts {
        let coefficients = &mut all[part.component];
        if !std::mem::replace(&mut coefficients.seen, true) {
            coefficients.steps = tables.steps(layout.components[part.component].steps)?;
        }
        let band = coefficients.unknown.get_mut(scan.first..=scan.last);
        band.ok_or_else(|| corrupt("a scan's band is invalid"))?.fill(Some(scan.low as u8));
    }
    match (scan.first, scan.refines) {
        (0, false) => {
            let codes: Result<Vec<_>, _> = scan.parts.iter().map(|p| tables.dc(p.dc)).collect();
            let codes = codes?;
            each_block(scan, tables, all, |cursor, part, block| {
                first_dc(cursor, part, &codes[part], scan.low, block)
            })
        }
        (0, true) => each_block(scan, tables, all, |cursor, _, block| {
            block[0] |= i16::from(cursor.bits.flag()) << scan.low;
            Ok(())
        }),
        (_, refines) => {
            let codes = tables.ac(scan.parts[0].ac)?;
            if refines {
                each_block(scan, tables, all, |cursor, _, block| {
                    refine_ac(cursor, &codes, scan, block)
                })
            } else {
                each_block(scan, tables, all, |cursor, _, block| {
                    first_ac(cursor, &codes, scan, block)
                })
            }
        }
    }
}

/// Calls `read` for each block of a scan.
fn each_block<'a>(
    scan: &Scan<'a>,
    tables: &Tables<'_>,
    all: &mut [Coefficients],
    mut read: impl FnMut(&mut Cursor<'a>, usize, &mut Block) -> Result<(), Damage>,
) -> Result<(), ImageError> {
    let mut cursor = scan.cursor(tables.restart_interval);
    for row in 0..scan.rows {
        scan.visit_row(row, &mut cursor, |cursor, part, y, x| {
            let coefficients = &mut all[scan.parts[part].component];
            read(cursor, part, &mut coefficients.blocks[y * coefficients.stride + x])
        })?;
    }
    Ok(())
}

/// The upper bits of a DC value (G.1.2.1).
fn first_dc(
    cursor: &mut Cursor<'_>,
    part: usize,
    codes: &Huffman,
    low: u32,
    block: &mut Block,
) -> Result<(), Damage> {
    cursor.bits.refill();
    let size = codes.symbol(&mut cursor.bits)?;
    let difference = cursor.bits.signed(size.into());
    let value = cursor.predictions[part].checked_add(difference).ok_or(Damage::Coefficient)?;
    cursor.predictions[part] = value;
    block[0] = (value << low) as i16;
    Ok(())
}

/// The upper bits of a band (G.1.2.2).
fn first_ac(
    cursor: &mut Cursor<'_>,
    codes: &Huffman,
    scan: &Scan<'_>,
    block: &mut Block,
) -> Result<(), Damage> {
    if cursor.zero_blocks > 0 {
        cursor.zero_blocks -= 1;
        return Ok(());
    }
    let bits = &mut cursor.bits;
    let mut at = scan.first;
    while at <= scan.last {
        bits.refill();
        let symbol = codes.symbol(bits)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size > 0 {
            at += run;
            let value = bits.signed(size) << scan.low;
            *coefficient(block, at, scan)? = value as i16;
        } else if run < 15 {
            cursor.zero_blocks = zero_blocks(bits, run) - 1;
            break;
        } else {
            at += 15;
        }
        at += 1;
    }
    Ok(())
}

/// How many blocks from this one on have no further new coefficient, of a class below 15.
fn zero_blocks(bits: &mut Bits<'_>, class: usize) -> u32 {
    (1 << class) + bits.take(class as u32)
}

/// The coefficient `at` of the file's order, which has to be in the scan's band.
fn coefficient<'b>(
    block: &'b mut Block,
    at: usize,
    scan: &Scan<'_>,
) -> Result<&'b mut i16, Damage> {
    match ZIGZAG.get(at) {
        Some(&place) if at <= scan.last => Ok(&mut block[usize::from(place & 63)]),
        _ => Err(Damage::Coefficient),
    }
}

/// One more bit of a band (G.1.2.3): of each coefficient that is not zero, and of those that
/// become 1 or -1 in it.
fn refine_ac(
    cursor: &mut Cursor<'_>,
    codes: &Huffman,
    scan: &Scan<'_>,
    block: &mut Block,
) -> Result<(), Damage> {
    let one = 1i16 << scan.low;
    let bits = &mut cursor.bits;
    let mut at = scan.first;
    while cursor.zero_blocks == 0 && at <= scan.last {
        bits.refill();
        let symbol = codes.symbol(bits)?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        let new = match size {
            0 if run < 15 => {
                cursor.zero_blocks = zero_blocks(bits, run);
                break;
            }
            0 => 0,
            1 if bits.flag() => one,
            1 => -one,
            _ => return Err(Damage::Code),
        };
        at = refine_run(bits, block, at..scan.last + 1, run, one);
        if new != 0 {
            *coefficient(block, at, scan)? = new;
        }
        at += 1;
    }
    if cursor.zero_blocks > 0 {
        // Most blocks are zero, and a file of long runs has very many of them.
        if block[1..].iter().fold(0, |all, value| all | value) != 0 {
            refine_run(bits, block, at..scan.last + 1, usize::MAX, one);
        }
        cursor.zero_blocks -= 1;
    }
    Ok(())
}

/// Reads one bit for each coefficient of `range` that is not zero, past `zeros` that are; gives
/// the place of the zero behind them, or the end.
fn refine_run(
    bits: &mut Bits<'_>,
    block: &mut Block,
    range: std::ops::Range<usize>,
    mut zeros: usize,
    one: i16,
) -> usize {
    for at in range.clone() {
        let value = &mut block[usize::from(ZIGZAG[at & 63] & 63)];
        if *value == 0 {
            if zeros == 0 {
                return at;
            }
            zeros -= 1;
        } else if bits.flag() && *value & one == 0 {
            let grown = if *value >= 0 { one } else { -one };
            *value = value.wrapping_add(grown);
        }
    }
    range.end
}
