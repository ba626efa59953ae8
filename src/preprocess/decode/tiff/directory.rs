//! The first image file directory of a TIFF or BigTIFF: tags and their values. Values are read
//! from the file where they stand, so none can take more memory than the file has bytes.

use crate::preprocess::{error::ImageError, probe::Format};

/// The most tags of a directory. Real ones have a few dozen; each look-up goes through them.
const MAX_ENTRIES: usize = 4096;

/// The entries of a directory, over the bytes of the file.
pub(super) struct Directory<'a> {
    pub(super) file: &'a [u8],
    pub(super) big_endian: bool,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    tag: u16,
    kind: u16,
    values: &'a [u8],
}

/// The widths of a classic TIFF, or of a BigTIFF with its 64-bit offsets.
struct Widths {
    /// Bytes of the number of entries.
    entries: usize,
    /// Bytes of an offset and of a number of values.
    offset: usize,
}

impl<'a> Directory<'a> {
    /// Reads the first directory of `file`.
    pub(super) fn read(file: &'a [u8]) -> Result<Self, ImageError> {
        let big_endian = file.starts_with(b"MM");
        let mut directory = Self { file, big_endian, entries: Vec::new() };
        let (widths, first, count) = directory.place().ok_or_else(outside)?;
        if count > MAX_ENTRIES {
            let detail = format!("a directory of {count} tags, more than {MAX_ENTRIES}");
            return Err(ImageError::unsupported(Format::Tiff, detail));
        }
        directory.entries = directory.read_entries(&widths, first, count).ok_or_else(outside)?;
        Ok(directory)
    }

    /// Where the first entry is, and how many there are.
    fn place(&self) -> Option<(Widths, usize, usize)> {
        let big = self.number_at(2, 2)? == 43;
        let (widths, start) = if big {
            (Widths { entries: 8, offset: 8 }, self.number_at(8, 8)?)
        } else {
            (Widths { entries: 2, offset: 4 }, self.number_at(4, 4)?)
        };
        let start = usize::try_from(start).ok()?;
        let count = usize::try_from(self.number_at(start, widths.entries)?).ok()?;
        let first = start + widths.entries;
        Some((widths, first, count))
    }

    /// The entries; nothing where they are not in the file.
    fn read_entries(&self, widths: &Widths, first: usize, count: usize) -> Option<Vec<Entry<'a>>> {
        let size = 4 + 2 * widths.offset;
        self.file.get(first..first.checked_add(count * size)?)?;
        let offsets = (0..count).map(|i| first + i * size);
        Some(offsets.filter_map(|at| self.entry(at, widths)).collect())
    }

    /// The entry at `at`; nothing where its type is unknown or its values are not in the file.
    fn entry(&self, at: usize, widths: &Widths) -> Option<Entry<'a>> {
        let kind = self.number_at(at + 2, 2)? as u16;
        let count = usize::try_from(self.number_at(at + 4, widths.offset)?).ok()?;
        let length = width(kind)?.checked_mul(count)?;
        let inline = at + 4 + widths.offset;
        let start = if length <= widths.offset {
            inline
        } else {
            usize::try_from(self.number_at(inline, widths.offset)?).ok()?
        };
        let values = self.file.get(start..start.checked_add(length)?)?;
        Some(Entry { tag: self.number_at(at, 2)? as u16, kind, values })
    }

    /// An unsigned integer of `width` bytes in the file.
    fn number_at(&self, offset: usize, width: usize) -> Option<u64> {
        let digits = self.file.get(offset..offset.checked_add(width)?)?;
        Some(self.integer(digits))
    }

    fn integer(&self, digits: &[u8]) -> u64 {
        let add = |n: u64, digit: &u8| n << 8 | u64::from(*digit);
        if self.big_endian { digits.iter().fold(0, add) } else { digits.iter().rev().fold(0, add) }
    }

    /// The raw bytes of a tag.
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry_of(tag).map(|entry| entry.values)
    }

    /// The unsigned integers of a tag.
    pub(super) fn numbers(&self, tag: u16) -> Option<impl ExactSizeIterator<Item = u64>> {
        let entry = self.entry_of(tag).filter(|entry| matches!(entry.kind, 1 | 3 | 4 | 13 | 16))?;
        Some(entry.values.chunks_exact(width(entry.kind)?).map(|digits| self.integer(digits)))
    }

    /// The first unsigned integer of a tag.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag)?.next()
    }

    fn entry_of(&self, tag: u16) -> Option<&Entry<'a>> {
        // A tag that is given twice counts the first time, as in Pillow.
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

fn outside() -> ImageError {
    ImageError::truncated(Format::Tiff, "its first directory is not inside the file")
}

/// Bytes of one value of a type (TIFF 6.0, section 2; 13 and 16 to 18 from BigTIFF).
fn width(kind: u16) -> Option<usize> {
    Some(match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => return None,
    })
}
