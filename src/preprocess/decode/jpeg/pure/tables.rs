//! The tables that stand between scans: quantisation, Huffman codes and the restart interval
//! (ITU T.81, B.2.4). Each replaces the one before it; a scan uses those that are then current.

use super::{
    huffman::{Codes, Huffman},
    standard,
};
use crate::preprocess::{
    decode::{
        bytes::u16_be,
        jpeg::{
            segments::{Segment, corrupt},
            stream::{DHT, DQT, DRI},
        },
    },
    error::ImageError,
};

/// Where in a block, by rows, the coefficient of each place in the file is (figure A.6).
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A quantisation table, by rows.
pub(super) type Steps = [u16; 64];

/// The current tables.
#[derive(Default)]
pub(super) struct Tables<'a> {
    steps: [Option<Steps>; 4],
    dc: [Option<Codes<'a>>; 4],
    ac: [Option<Codes<'a>>; 4],
    /// Units between restarts, 0 for none.
    pub(super) restart_interval: u16,
}

impl<'a> Tables<'a> {
    /// Those of a sequential image before its first segment, as for libjpeg: the standard codes.
    pub(super) fn standard() -> Self {
        let [dc0, dc1] = standard::DC;
        let [ac0, ac1] = standard::AC;
        Self {
            dc: [Some(dc0), Some(dc1), None, None],
            ac: [Some(ac0), Some(ac1), None, None],
            ..Self::default()
        }
    }

    /// Takes in a segment that holds tables; any other says nothing.
    pub(super) fn read(&mut self, segment: &Segment<'a>) -> Result<(), ImageError> {
        match segment.marker {
            DQT => self.read_steps(segment.payload),
            DHT => self.read_codes(segment.payload),
            DRI => match *segment.payload {
                [high, low] => {
                    self.restart_interval = u16::from_be_bytes([high, low]);
                    Ok(())
                }
                _ => Err(corrupt("its restart interval has a wrong length")),
            },
            _ => Ok(()),
        }
    }

    fn read_steps(&mut self, mut payload: &[u8]) -> Result<(), ImageError> {
        while let [kind, rest @ ..] = payload {
            let bytes = if kind >> 4 == 0 { 1 } else { 2 };
            let slot = self.steps.get_mut(usize::from(kind & 15));
            let (Some(slot), Some((values, rest))) = (slot, rest.split_at_checked(64 * bytes))
            else {
                return Err(corrupt("a quantisation table is invalid"));
            };
            let steps = slot.insert([0; 64]);
            for (place, value) in ZIGZAG.iter().zip(values.chunks(bytes)) {
                steps[usize::from(*place)] = u16_be(value, 0).unwrap_or(u16::from(value[0]));
            }
            payload = rest;
        }
        Ok(())
    }

    fn read_codes(&mut self, mut payload: &'a [u8]) -> Result<(), ImageError> {
        let bad = || corrupt("a Huffman table is invalid");
        while let [kind, rest @ ..] = payload {
            let (counts, rest) = rest.split_first_chunk().ok_or_else(bad)?;
            let total: usize = counts.iter().copied().map(usize::from).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(bad)?;
            if total > 256 {
                return Err(bad());
            }
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(bad()),
            };
            let slot = tables.get_mut(usize::from(kind & 15)).ok_or_else(bad)?;
            *slot = Some(Codes { counts, symbols });
            payload = rest;
        }
        Ok(())
    }

    /// The current quantisation table `id`.
    pub(super) fn steps(&self, id: u8) -> Result<Steps, ImageError> {
        let found = self.steps.get(usize::from(id)).copied().flatten();
        found.ok_or_else(|| corrupt(format!("it lacks quantisation table {id}")))
    }

    /// The current table `id` of DC codes.
    pub(super) fn dc(&self, id: u8) -> Result<Huffman, ImageError> {
        Huffman::new_dc(find(&self.dc, id)?)
    }

    /// The current table `id` of AC codes.
    pub(super) fn ac(&self, id: u8) -> Result<Huffman, ImageError> {
        Huffman::new(find(&self.ac, id)?)
    }
}

fn find<'t, 'a>(tables: &'t [Option<Codes<'a>>; 4], id: u8) -> Result<&'t Codes<'a>, ImageError> {
    let found = tables.get(usize::from(id)).and_then(Option::as_ref);
    found.ok_or_else(|| corrupt(format!("it lacks Huffman table {id}")))
}
