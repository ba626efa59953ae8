//! One photo on a decoding thread: opened when there is memory for it, decoded, and made into what
//! is wanted of it while its pixels are there.

use std::time::Instant;

use bytes::Bytes;

use super::PhotoError;
use crate::{
    admission::{Admission, BodyMemory, Reservation, Shortage},
    metrics::{self, Stage},
    preprocess::{Preprocess, Rgb},
    upload::Photo,
};

/// What is made of a photo's pixels while they are in memory.
pub(super) type Make<T> = fn(&Preprocess, &Rgb) -> T;

/// The bytes of a photo, with the memory that was reserved for them: work on it goes on when its
/// client has left.
pub(super) struct File {
    bytes: Bytes,
    _memory: Option<BodyMemory>,
}

impl File {
    /// Bytes of it.
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// A photo after its first turn.
pub(super) enum Opened<T> {
    /// It is decoded.
    Decoded { made: T, bytes: u64 },
    /// Others have the memory that it needs.
    Waits { file: File, needed: u64 },
}

/// What is made of `photo`, or that others have the memory for it.
///
/// # Errors
/// [`PhotoError`].
pub(super) fn open<T>(
    photo: Photo,
    memory: Option<BodyMemory>,
    preprocess: &Preprocess,
    admission: &Admission,
    make: Make<T>,
) -> Result<Opened<T>, PhotoError> {
    let file = File { bytes: photo.bytes()?, _memory: memory };
    let needed = preprocess.work_bytes(&preprocess.probe(&file.bytes)?);
    match admission.try_decode(needed) {
        Ok(reserved) => {
            let made = decode(&file, preprocess, reserved, make)?;
            Ok(Opened::Decoded { made, bytes: file.len() })
        }
        Err(Shortage::Late) => Ok(Opened::Waits { file, needed }),
        Err(Shortage::Never) => {
            Err(PhotoError::TooLarge { needed, limit: admission.decode_limit() })
        }
    }
}

/// What is made of `file`, for which memory is reserved.
///
/// # Errors
/// [`PhotoError`].
pub(super) fn decode<T>(
    file: &File,
    preprocess: &Preprocess,
    reserved: Reservation,
    make: Make<T>,
) -> Result<T, PhotoError> {
    let start = Instant::now();
    let rgb = preprocess.decode(&file.bytes)?;
    #[cfg(feature = "fault-injection")]
    crate::faults::in_decoder(&rgb);
    let decoded = Instant::now();
    metrics::stage(Stage::Decode, decoded - start);
    let made = make(preprocess, &rgb);
    metrics::stage(Stage::Resize, decoded.elapsed());
    drop((rgb, reserved));
    Ok(made)
}
