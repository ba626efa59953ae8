//! What a decoder is given of a JPEG: the tables, frame header and scans of a file that is
//! complete, and the colours that libjpeg would assume. Comments, thumbnails, metadata and stray
//! bytes do not reach the decoder, so none of them can trip it.

use super::segments::{EOI, SOS, Segment, corrupt, segments};
use crate::preprocess::{error::ImageError, probe::Format};

pub(super) const DHT: u8 = 0xC4;
const DAC: u8 = 0xCC;
pub(super) const DQT: u8 = 0xDB;
pub(super) const DRI: u8 = 0xDD;
const APP0: u8 = 0xE0;
pub(super) const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
const COM: u8 = 0xFE;
const DNL: u8 = 0xDC;

/// The most scans that a file may have. libjpeg's own progressive script makes 10; a file of many
/// tiny scans costs a pass over all pixels for each.
const MAX_SCANS: usize = 100;

/// The most tables and scans that are kept: a scan has itself, a restart interval, and rarely more
/// than the four Huffman tables that it can use.
const MAX_SEGMENTS: usize = 10 * MAX_SCANS;

/// The longest tables, in bytes, that strips may share. Four tables of each of the three kinds,
/// all full, take 2,800.
const MAX_SHARED_TABLES: usize = 4096;

/// How colours are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::preprocess::decode) enum Space {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

impl Space {
    /// Components a pixel.
    pub(super) fn components(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::YCbCr | Self::Rgb => 3,
            Self::Cmyk | Self::Ycck => 4,
        }
    }
}

/// The frame header.
pub(super) struct Frame {
    sof: u8,
    pub(super) width: u16,
    pub(super) height: u16,
    /// Identifier, sampling factors and quantisation table of each component.
    pub(super) components: Vec<[u8; 3]>,
}

impl Frame {
    fn read(segment: &Segment<'_>) -> Result<Self, ImageError> {
        let &[bits, h1, h0, w1, w0, count, ref rest @ ..] = segment.payload else {
            return Err(corrupt("its frame header is too short"));
        };
        if bits != 8 {
            return Err(unsupported(format!("{bits} bits a sample")));
        }
        let components: Vec<[u8; 3]> = rest.as_chunks().0.to_vec();
        if components.len() != usize::from(count) || !matches!(count, 1 | 3 | 4) {
            return Err(unsupported(format!("{count} components a pixel")));
        }
        check_sampling(&components)?;
        Ok(Self {
            sof: segment.marker,
            width: u16::from_be_bytes([w1, w0]),
            height: u16::from_be_bytes([h1, h0]),
            components,
        })
    }

    /// Whether the image comes in scans of growing detail.
    pub(super) fn is_progressive(&self) -> bool {
        matches!(self.sof, 0xC2 | 0xCA)
    }

    /// Whether its bits are those of Huffman codes, of which none is shorter than one bit.
    pub(super) fn is_huffman(&self) -> bool {
        matches!(self.sof, 0xC0..=0xC2)
    }

    /// What the frame is, where it is neither baseline nor progressive with Huffman codes.
    #[cfg(not(feature = "libjpeg-turbo"))]
    pub(super) fn uncommon(&self) -> Option<&'static str> {
        match self.sof {
            0xC0..=0xC2 => None,
            0xC3 => Some("lossless coding"),
            0xC9 | 0xCA => Some("arithmetic coding"),
            _ => Some("hierarchical or lossless coding"),
        }
    }
}

/// The frame header of a file.
pub(super) fn frame(bytes: &[u8]) -> Result<Frame, ImageError> {
    for segment in segments(bytes) {
        match segment? {
            segment if is_frame(segment.marker) => return Frame::read(&segment),
            segment if matches!(segment.marker, SOS | EOI) => break,
            _ => {}
        }
    }
    Err(corrupt("it has no frame header before its pixels"))
}

/// A complete JPEG.
pub(super) struct Stream<'a> {
    pub(super) frame: Frame,
    /// Tables, frame header and scans, in order.
    segments: Vec<Segment<'a>>,
    jfif: bool,
    adobe: Option<u8>,
}

impl<'a> Stream<'a> {
    /// Reads all segments up to the end-of-image marker, without which the file is truncated
    /// (Pillow refuses it too).
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, ImageError> {
        let (mut frame, mut jfif, mut adobe) = (None, false, None);
        let (mut kept, mut scans) = (Vec::new(), 0);
        for segment in segments(bytes) {
            let segment = segment?;
            match (segment.marker, segment.payload) {
                (APP0, [b'J', b'F', b'I', b'F', 0, ..]) => jfif = true,
                (APP14, &[b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                    adobe = Some(transform);
                }
                (DHT | DAC | DQT | DRI, _) => kept.push(segment),
                (SOS, _) => {
                    scans += 1;
                    kept.push(segment);
                }
                (marker, _) if is_frame(marker) => {
                    if frame.replace(Frame::read(&segment)?).is_some() {
                        return Err(corrupt("it has two frame headers"));
                    }
                    kept.push(segment);
                }
                (APP0..=APP15 | COM | DNL, _) => {}
                (marker, _) => return Err(corrupt(format!("it has a marker FF {marker:02X}"))),
            }
            if scans > MAX_SCANS {
                return Err(corrupt(format!("it has more than {MAX_SCANS} scans")));
            }
            if kept.len() > MAX_SEGMENTS {
                return Err(corrupt(format!("it has more than {MAX_SEGMENTS} tables and scans")));
            }
        }
        let frame = frame.ok_or_else(|| corrupt("it has no frame header"))?;
        if frame.is_progressive() {
            kept.iter().filter(|s| s.marker == SOS).try_for_each(check_progression)?;
        }
        if scans == 0 {
            return Err(corrupt("it has no scan"));
        }
        Ok(Self { frame, segments: kept, jfif, adobe })
    }

    /// Puts the tables of another stream, as TIFF keeps them, in front.
    pub(super) fn prepend_tables(&mut self, tables: &'a [u8]) -> Result<(), ImageError> {
        if tables.len() > MAX_SHARED_TABLES {
            let found = tables.len();
            let detail = format!("{found} bytes of shared tables, more than {MAX_SHARED_TABLES}");
            return Err(unsupported(detail));
        }
        let tables: Result<Vec<_>, _> = segments(tables)
            .filter(|s| !matches!(s, Ok(Segment { marker, .. }) if !matches!(*marker, DHT | DQT)))
            .collect();
        self.segments.splice(..0, tables?);
        Ok(())
    }

    /// The colours, by the rules of libjpeg's `default_decompress_parms`.
    pub(super) fn space(&self) -> Space {
        let ids = [0, 1, 2].map(|i| self.frame.components.get(i).map_or(0, |c| c[0]));
        match (self.frame.components.len(), self.adobe) {
            (1, _) => Space::Grey,
            (4, None | Some(0)) => Space::Cmyk,
            (4, _) => Space::Ycck,
            _ if self.jfif => Space::YCbCr,
            (_, Some(0)) => Space::Rgb,
            (_, None) if ids == *b"RGB" => Space::Rgb,
            _ => Space::YCbCr,
        }
    }

    /// Tables, frame header and scans, in order.
    pub(super) fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }
}

/// Refuses sampling factors that libjpeg does not read: of more than 4, or not dividing the largest.
fn check_sampling(components: &[[u8; 3]]) -> Result<(), ImageError> {
    for factors in [|c: &[u8; 3]| c[1] >> 4, |c: &[u8; 3]| c[1] & 15] {
        let largest = components.iter().map(factors).max().unwrap_or(0);
        let divides = |factor| (1..=4).contains(&factor) && largest.is_multiple_of(factor);
        if !components.iter().map(factors).all(divides) {
            return Err(unsupported(format!("sampling factors {components:X?}")));
        }
    }
    Ok(())
}

/// Refuses a scan of a progressive image whose coefficients or bits are not those that a scan may
/// hold (G.1.1.1; libjpeg's `start_pass_phuff_decoder` refuses the same).
fn check_progression(scan: &Segment<'_>) -> Result<(), ImageError> {
    let &[components, .., first, last, bits] = scan.payload else {
        return Err(corrupt("a scan header is too short"));
    };
    let (high, low) = (bits >> 4, bits & 15);
    let spectrum =
        if first == 0 { last == 0 } else { first <= last && last < 64 && components == 1 };
    if spectrum && low <= 13 && (high == 0 || low + 1 == high) {
        return Ok(());
    }
    let detail =
        format!("a progressive scan of coefficients {first} to {last}, bits {high} to {low}");
    Err(corrupt(detail))
}

/// Whether a marker opens a frame (`SOF`).
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, DHT | 0xC8 | DAC)
}

fn unsupported(detail: String) -> ImageError {
    ImageError::unsupported(Format::Jpeg, detail)
}

#[cfg(test)]
mod tests {
    use super::{super::segments::SOI, *};

    /// A stream with the given segments and an end-of-image marker.
    fn jpeg(segments: &[(u8, &[u8])]) -> Vec<u8> {
        let mut out = vec![0xFF, SOI];
        for (marker, payload) in segments {
            out.extend([0xFF, *marker]);
            out.extend((payload.len() as u16 + 2).to_be_bytes());
            out.extend_from_slice(payload);
        }
        out.extend([0xFF, EOI]);
        out
    }

    const FRAME: &[u8] = &[8, 0, 1, 0, 1, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
    const RGB_FRAME: &[u8] = &[8, 0, 1, 0, 1, 3, b'R', 0x11, 0, b'G', 0x11, 0, b'B', 0x11, 0];
    const ADOBE_RGB: &[u8] = b"Adobe\0\x64\0\0\0\0\0";
    const JFIF: &[u8] = b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0";

    #[test]
    fn colours_are_those_that_libjpeg_assumes() {
        let space = |segments: &[(u8, &[u8])]| {
            let scan: [(u8, &[u8]); 1] = [(SOS, &[])];
            let bytes = jpeg(&[segments, &scan].concat());
            Stream::read(&bytes).unwrap().space()
        };
        assert_eq!(space(&[(0xC0, FRAME)]), Space::YCbCr);
        assert_eq!(space(&[(0xC0, RGB_FRAME)]), Space::Rgb);
        assert_eq!(space(&[(APP14, ADOBE_RGB), (0xC0, FRAME)]), Space::Rgb);
        assert_eq!(space(&[(APP0, JFIF), (APP14, ADOBE_RGB), (0xC0, FRAME)]), Space::YCbCr);
    }

    #[test]
    fn a_scan_bomb_is_refused() {
        let mut segments: Vec<(u8, &[u8])> = vec![(0xC2, FRAME)];
        segments.extend([(SOS, &[1, 1, 0, 0, 0, 0][..]); MAX_SCANS + 1]);
        let error = Stream::read(&jpeg(&segments)).err().unwrap();
        assert!(error.to_string().contains("more than 100 scans"), "{error}");
    }
}
