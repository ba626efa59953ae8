//! Why an image was refused. Each cause has a stable code, for metrics and for clients, and a
//! message that says what was found, which limit or format it met, and what to do.
//! Nothing here knows HTTP.

use super::probe::{Format, describe};

/// The formats that are read, for messages.
pub(crate) const SUPPORTED: &str = "JPEG, PNG, GIF, WebP, BMP and TIFF";

/// Why the bytes of an upload did not become pixels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// There were no bytes at all.
    #[error("the image is empty (0 bytes)")]
    Empty,
    /// The first bytes are those of none of the formats that are read.
    #[error("not an image this service reads: begins with {found}; it reads {SUPPORTED}")]
    UnknownFormat {
        /// The first bytes in hexadecimal, and what they look like.
        found: String,
    },
    /// The header gives a width or height of zero.
    #[error("the {format} header says {width} x {height} pixels: there is nothing to decode")]
    ZeroSize {
        /// The format that was recognised.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The header gives more pixels than are allowed.
    #[error(
        "the {format} header says {width} x {height} = {pixels} pixels, more than the limit of \
         {limit} (--max-image-pixels): send a smaller image"
    )]
    TooManyPixels {
        /// The format that was recognised.
        format: Format,
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Width times height.
        pixels: u64,
        /// The limit that was passed.
        limit: u64,
    },
    /// The machine refuses the memory that the pixels need.
    #[error(
        "the image needs {bytes} bytes at once, and this machine has not as many left: lower \
         --max-image-pixels, or give the service more memory"
    )]
    OutOfMemory {
        /// Bytes of the one buffer that was refused.
        bytes: u64,
    },
    /// The file ends before the image does.
    #[error("the {format} file is truncated: {detail}")]
    Truncated {
        /// The format that was recognised.
        format: Format,
        /// What was missing, and where.
        detail: String,
    },
    /// The file contradicts itself or its format.
    #[error("the {format} file is corrupt: {detail}")]
    Corrupt {
        /// The format that was recognised.
        format: Format,
        /// What was wrong, and where.
        detail: String,
    },
    /// A valid file that uses a part of its format that is not read.
    #[error("this kind of {format} is not supported: {detail}; save it as plain JPEG or PNG")]
    Unsupported {
        /// The format that was recognised.
        format: Format,
        /// The feature that is not read.
        detail: String,
    },
    /// A tensor in the place of a file is not what the model reads.
    #[error("the tensor {0}")]
    Tensor(String),
}

impl ImageError {
    /// A stable label for metrics and for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_image",
            Self::UnknownFormat { .. } => "unknown_image_format",
            Self::ZeroSize { .. } => "zero_size_image",
            Self::TooManyPixels { .. } => "too_many_pixels",
            Self::OutOfMemory { .. } => "out_of_memory",
            Self::Truncated { .. } => "truncated_image",
            Self::Corrupt { .. } => "corrupt_image",
            Self::Unsupported { .. } => "unsupported_image",
            Self::Tensor(_) => "invalid_tensor",
        }
    }

    /// Of a file that begins with `head`, which is no beginning of an image.
    pub(crate) fn unknown(head: &[u8]) -> Self {
        Self::UnknownFormat { found: describe(head) }
    }

    pub(crate) fn truncated(format: Format, detail: impl Into<String>) -> Self {
        Self::Truncated { format, detail: detail.into() }
    }

    pub(crate) fn corrupt(format: Format, detail: impl Into<String>) -> Self {
        Self::Corrupt { format, detail: detail.into() }
    }

    pub(crate) fn unsupported(format: Format, detail: impl Into<String>) -> Self {
        Self::Unsupported { format, detail: detail.into() }
    }
}
