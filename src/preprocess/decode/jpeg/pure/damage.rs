//! What can be wrong with the compressed data of a scan: small, so that the inner loops stay
//! quick, and turned into an `ImageError` outside of them.

use crate::preprocess::{error::ImageError, probe::Format};

/// Why a scan cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The data ends before the last pixel.
    Early,
    /// Bits that are no code of the table.
    Code,
    /// A coefficient outside of the block or of the scan's band.
    Coefficient,
    /// A restart marker that is not the next in turn.
    Restart,
}

impl From<Damage> for ImageError {
    fn from(damage: Damage) -> Self {
        let detail = match damage {
            Damage::Early => "its compressed data ends before the image",
            Damage::Code => "its compressed data has a code that is not in the table",
            Damage::Coefficient => "its compressed data has a coefficient outside of its block",
            Damage::Restart => "its restart markers are out of order",
        };
        Self::corrupt(Format::Jpeg, detail)
    }
}
