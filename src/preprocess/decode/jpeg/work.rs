//! What decoding a JPEG will cost, by its headers alone, and refusal of files that cost more than
//! their pixels: those whose scans pass over the image again and again, and those that have fewer
//! bits than blocks, for which memory would be taken in vain.

use super::{
    segments::{SOS, Segment, corrupt},
    stream::{Frame, Stream},
};
use crate::preprocess::{error::ImageError, probe::Format};

/// Blocks of 8 x 8 that all scans of a file together may pass over, however small the image is. A
/// pass takes some 5 ns a block where it has no data, so this adds less than a second. libjpeg's own
/// scripts pass 6 times over a block at most: over the largest CMYK of the default limit that makes
/// half as many.
pub(super) const FREE_VISITS: u64 = 1 << 27;

/// Passes over the image that are allowed, however large it is.
const PASSES: u64 = 16;

/// Checks the scans of `stream`, which may pass over `free` blocks in any case.
///
/// # Errors
/// [`ImageError::Unsupported`] for too many passes, [`ImageError::Corrupt`] for too little data.
pub(super) fn check(stream: &Stream<'_>, free: u64) -> Result<(), ImageError> {
    let frame = &stream.frame;
    let scans = || stream.segments().iter().filter(|segment| segment.marker == SOS);
    let image: u64 = (0..frame.components.len()).map(|index| blocks(frame, index)).sum();
    let data: u64 = scans().map(|scan| scan.entropy.len() as u64).sum();
    // The first bits of a Huffman-coded block's mean value, of which there is at least one.
    if frame.is_huffman() && image > data.saturating_mul(8) {
        let detail = format!("its {data} bytes of compressed data are too few for {image} blocks");
        return Err(corrupt(detail));
    }
    let visits: u64 = scans().map(|scan| visits(frame, scan)).sum();
    let most = free.max(PASSES * image);
    if visits <= most {
        return Ok(());
    }
    let detail = format!(
        "its {} scans pass over {visits} blocks of 8 x 8 pixels in all, more than {most}",
        scans().count()
    );
    Err(ImageError::unsupported(Format::Jpeg, detail))
}

/// Blocks of the components that a scan lists.
fn visits(frame: &Frame, scan: &Segment<'_>) -> u64 {
    let listed = scan.payload.get(1..).unwrap_or_default().as_chunks().0;
    let count = scan.payload.first().copied().unwrap_or(0);
    let found = listed.iter().take(count.into()).filter_map(|[id, _]| {
        let index = frame.components.iter().position(|component| component[0] == *id)?;
        Some(blocks(frame, index))
    });
    found.sum()
}

/// Blocks that hold the samples of a component.
fn blocks(frame: &Frame, index: usize) -> u64 {
    let along = |side: u16, factor: fn(u8) -> u8| {
        let all = frame.components.iter().map(|component| factor(component[1]));
        let largest = u64::from(all.max().unwrap_or(1));
        let samples = u64::from(side) * u64::from(factor(frame.components[index][1]));
        samples.div_ceil(largest).div_ceil(8)
    };
    along(frame.width, |factors| factors >> 4) * along(frame.height, |factors| factors & 15)
}
