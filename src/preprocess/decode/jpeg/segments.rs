//! The marker segments of a JPEG (ITU T.81, annex B.1), walked without decoding: what each
//! carries, and for a scan where its compressed pixels end. A file that ends before its
//! end-of-image marker is an error. Stray bytes between segments are skipped, as libjpeg does.

use crate::preprocess::{decode::bytes::u16_be, error::ImageError, probe::Format};

const RST0: u8 = 0xD0;
const RST7: u8 = 0xD7;
/// Start of image.
pub(super) const SOI: u8 = 0xD8;
/// End of image.
pub(super) const EOI: u8 = 0xD9;
/// Start of scan.
pub(super) const SOS: u8 = 0xDA;
/// Where EXIF and XMP are.
pub(super) const APP1: u8 = 0xE1;

/// A marker, what it carries, and for a scan the compressed pixels that follow it.
pub(super) struct Segment<'a> {
    pub(super) marker: u8,
    pub(super) payload: &'a [u8],
    pub(super) entropy: &'a [u8],
}

/// The segments of a file up to its end-of-image marker, which is not given; an error where the
/// file ends before it.
pub(super) fn segments(bytes: &[u8]) -> impl Iterator<Item = Result<Segment<'_>, ImageError>> {
    let mut at = 2;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let segment = next_segment(bytes, &mut at).transpose();
        ended = !matches!(segment, Some(Ok(_)));
        segment
    })
}

/// The segment at or behind `at`, which moves behind it; nothing at the end of the image.
fn next_segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Option<Segment<'a>>, ImageError> {
    let truncated =
        || ImageError::truncated(Format::Jpeg, "it ends before its end-of-image marker");
    loop {
        let start = next_marker(bytes, *at).ok_or_else(truncated)?;
        let marker = bytes[start - 1];
        *at = start;
        match marker {
            EOI => return Ok(None),
            RST0..=RST7 => continue,
            0x01..=0xBF | SOI => return Err(corrupt(format!("marker FF {marker:02X} at {start}"))),
            _ => {}
        }
        let length = usize::from(u16_be(bytes, start).ok_or_else(truncated)?);
        if length < 2 {
            return Err(corrupt(format!("the segment FF {marker:02X} has length {length}")));
        }
        let payload = bytes.get(start + 2..start + length).ok_or_else(truncated)?;
        let end = start + length;
        *at = if marker == SOS { end_of_scan(bytes, end).ok_or_else(truncated)? } else { end };
        return Ok(Some(Segment { marker, payload, entropy: &bytes[end..*at] }));
    }
}

/// The offset behind the next marker, skipping fill bytes and whatever is no marker.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
        at += bytes[at..].iter().position(|&b| b != 0xFF)?;
        at += 1;
        if bytes[at - 1] != 0 {
            return Some(at);
        }
    }
}

/// The offset of the marker that ends the compressed data from `at`; restarts do not.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let found = at + bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
        let next = found + bytes[found..].iter().position(|&b| b != 0xFF)?;
        match bytes[next] {
            0 | RST0..=RST7 => at = next + 1,
            _ => return Some(found),
        }
    }
}

/// The error of a file that contradicts the format.
pub(super) fn corrupt(detail: impl Into<String>) -> ImageError {
    ImageError::corrupt(Format::Jpeg, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stray_bytes_are_skipped_and_a_scan_ends_at_its_marker() {
        let bytes =
            b"\xFF\xD8\0\x11\xFF\xFF\xFE\0\x03c\xFF\xDA\0\x02a\xFF\0b\xFF\xD0c\xFF\xD9 behind";
        let found: Vec<_> = segments(bytes)
            .map(|segment| segment.map(|s| (s.marker, s.payload, s.entropy)))
            .collect::<Result<_, _>>()
            .unwrap();
        let (none, pixels) = (&b""[..], &b"a\xFF\0b\xFF\xD0c"[..]);
        assert_eq!(found, [(0xFE, &b"c"[..], none), (SOS, none, pixels)]);
    }
}
