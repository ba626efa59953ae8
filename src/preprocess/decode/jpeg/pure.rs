//! The default JPEG decoder, `zune-jpeg`, in its strict mode: a code that is not in the tables
//! or data that ends early is an error.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::stream::{Space, Stream};
use crate::preprocess::{error::ImageError, probe::Format};

/// YCCK comes out as it is stored.
pub(super) const CONVERTS_YCCK: bool = false;

/// Stands for the end-of-image marker behind a single scan. The decoder reads zeros for ever
/// behind the marker, but not behind the end of its input, so an image whose data ends early is
/// caught. It reads up to eight bytes ahead, which must not be taken for the end.
const PADDING: [u8; 12] = [0; 12];

/// Decodes to three bytes a pixel (RGB), or four for CMYK and YCCK, as stored.
pub(super) fn decode(stream: &Stream<'_>, space: Space) -> Result<Vec<u8>, ImageError> {
    if let Some(kind) = stream.frame.uncommon() {
        return Err(ImageError::unsupported(Format::Jpeg, kind));
    }
    let end: &[u8] = if stream.is_one_scan() { &PADDING } else { &[0xFF, 0xD9] };
    let out = match space {
        Space::Grey | Space::YCbCr | Space::Rgb => ColorSpace::RGB,
        Space::Cmyk => ColorSpace::CMYK,
        Space::Ycck => ColorSpace::YCCK,
    };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_max_scans(usize::MAX)
        .jpeg_set_out_colorspace(out);
    let clean = ZCursor::new(stream.rebuild(space, end));
    JpegDecoder::new_with_options(clean, options)
        .decode()
        .map_err(|error| ImageError::corrupt(Format::Jpeg, format!("{error:?}")))
}
