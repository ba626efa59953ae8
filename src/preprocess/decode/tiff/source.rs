//! Where the file keeps the strips or tiles, looked up once for all of them. Reading them never
//! takes more than a pass over the file: compressed ones that share their bytes are refused, for a
//! small file could have thousands of strips that each are all of it.

use std::ops::Range;

use super::{
    chunks::{Chunk, Compression},
    directory::Directory,
    layout::Layout,
};
use crate::preprocess::{error::ImageError, probe::Format};

const JPEG_TABLES: u16 = 347;

/// The most strips or tiles: each costs a decoder of its own. Pillow and libtiff make strips of
/// 8 kB or more, or of one row.
const MAX_CHUNKS: u64 = 1 << 16;

/// The stored bytes of strips or tiles.
pub(super) struct Source<'a> {
    file: &'a [u8],
    /// By index; nothing where the tags give no place that can be in a file.
    places: Vec<Option<Range<usize>>>,
    /// The tables that JPEG strips share.
    pub(super) jpeg_tables: &'a [u8],
}

impl<'a> Source<'a> {
    /// Looks up the strips or tiles of `layout`; refuses, before pixels are allocated, a file that
    /// lacks some, has too many, or whose compressed ones overlap.
    pub(super) fn new(tags: &Directory<'a>, layout: &Layout) -> Result<Self, ImageError> {
        let needed = layout.count();
        if needed > MAX_CHUNKS {
            let detail = format!("{needed} strips or tiles, more than {MAX_CHUNKS}");
            return Err(ImageError::unsupported(Format::Tiff, detail));
        }
        let offsets = tags.numbers(layout.offsets_tag).into_iter().flatten();
        let offsets: Vec<u64> = offsets.take(needed as usize).collect();
        if (offsets.len() as u64) < needed {
            let detail = format!("it lists {} of {needed} strips or tiles", offsets.len());
            return Err(ImageError::truncated(Format::Tiff, detail));
        }
        let places = if layout.compression == Compression::None {
            // Of plain data the file gives no reliable length.
            let to_end = |at: &u64| place(*at, (tags.file.len() as u64).saturating_sub(*at));
            offsets.iter().map(to_end).collect()
        } else {
            compressed_places(tags, layout, &offsets)?
        };
        let jpeg_tables = tags.bytes(JPEG_TABLES).unwrap_or_default();
        Ok(Self { file: tags.file, places, jpeg_tables })
    }

    /// The stored bytes of a strip or tile: of one that is not compressed, all to the file's end.
    pub(super) fn bytes(&self, chunk: &Chunk) -> Result<&'a [u8], ImageError> {
        let place = self.places.get(chunk.index).cloned().flatten();
        place.and_then(|place| self.file.get(place)).ok_or_else(|| {
            let detail = format!("strip or tile {} ends outside the file", chunk.index);
            ImageError::truncated(Format::Tiff, detail)
        })
    }
}

/// The places of compressed strips or tiles, by their lengths; one without a length reaches to the
/// next one, or to the end of the file.
fn compressed_places(
    tags: &Directory<'_>,
    layout: &Layout,
    offsets: &[u64],
) -> Result<Vec<Option<Range<usize>>>, ImageError> {
    let end = tags.file.len() as u64;
    let mut sorted = offsets.to_vec();
    sorted.sort_unstable();
    let next = |offset: u64| {
        let behind = sorted.partition_point(|other| *other <= offset);
        sorted.get(behind).map_or(end, |next| end.min(*next))
    };
    let mut lengths = tags.numbers(layout.counts_tag).into_iter().flatten();
    let (mut places, mut total) = (Vec::with_capacity(offsets.len()), 0u64);
    for &offset in offsets {
        let length = lengths.next().unwrap_or_else(|| next(offset).saturating_sub(offset));
        total = total.saturating_add(length);
        places.push(place(offset, length));
    }
    if total <= end {
        return Ok(places);
    }
    let detail = format!("its strips or tiles have {total} bytes in all, the file has {end}");
    let inside = places.iter().flatten().all(|place| place.end as u64 <= end);
    Err(if inside {
        ImageError::corrupt(Format::Tiff, format!("{detail}: they overlap"))
    } else {
        ImageError::truncated(Format::Tiff, detail)
    })
}

fn place(offset: u64, length: u64) -> Option<Range<usize>> {
    let end = offset.checked_add(length)?;
    Some(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
}
