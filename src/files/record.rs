//! What is known of an embedded photo, and its form in a [journal](super::journal).

use std::{
    ffi::OsStr,
    fs::Metadata,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{
    model::Embedding,
    preprocess::{PerceptualHash, PhotoFacts},
};

/// By what a file is known to be the one that was embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: i64,
}

impl From<&Metadata> for Stamp {
    fn from(metadata: &Metadata) -> Self {
        let seconds = metadata.mtime().saturating_mul(1_000_000_000);
        Self { bytes: metadata.len(), modified: seconds.saturating_add(metadata.mtime_nsec()) }
    }
}

/// An embedded photo.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// As the walk found it.
    pub path: PathBuf,
    /// The file that was read.
    pub stamp: Stamp,
    /// Size and hash of the picture.
    pub facts: PhotoFacts,
    /// Its vector.
    pub embedding: Embedding,
}

/// A number for a path. Of a million paths two have the same with a probability of one in thirty
/// million, whoever chose them.
pub fn key(path: &Path) -> u64 {
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    digest.iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
}

impl Record {
    /// Appends its bytes to `to`: numbers little-endian, the path last.
    pub(super) fn encode(&self, to: &mut Vec<u8>) {
        to.extend(self.stamp.bytes.to_le_bytes());
        to.extend(self.stamp.modified.to_le_bytes());
        to.extend(self.facts.width.to_le_bytes());
        to.extend(self.facts.height.to_le_bytes());
        to.extend(self.facts.hash.0.to_le_bytes());
        self.embedding.iter().for_each(|number| to.extend(number.to_le_bytes()));
        to.extend(self.path.as_os_str().as_bytes());
    }

    /// What was encoded, with an embedding of `dim` numbers; none if there are too few bytes.
    pub(super) fn decode(mut bytes: &[u8], dim: usize) -> Option<Self> {
        let stamp = Stamp {
            bytes: u64::from_le_bytes(*take(&mut bytes)?),
            modified: i64::from_le_bytes(*take(&mut bytes)?),
        };
        let facts = PhotoFacts {
            width: u32::from_le_bytes(*take(&mut bytes)?),
            height: u32::from_le_bytes(*take(&mut bytes)?),
            hash: PerceptualHash(u64::from_le_bytes(*take(&mut bytes)?)),
        };
        let numbers = (0..dim).map(|_| Some(f32::from_le_bytes(*take(&mut bytes)?)));
        let embedding = numbers.collect::<Option<_>>()?;
        Some(Self { path: OsStr::from_bytes(bytes).into(), stamp, facts, embedding })
    }
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(taken)
}
