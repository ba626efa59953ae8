//! Checks a file against its etag. The hub's etag of a large (LFS) file is its SHA-256; that of a
//! small one is its git blob id, the SHA-1 of `"blob <length>\0"` and the content (git's
//! `hash-object`).

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What an etag says about the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sha256,
    GitBlob,
}

impl Kind {
    /// The kind by the etag's form; `None` for an etag of another form, as some mirrors send, which
    /// says nothing.
    pub(super) fn of(etag: &str) -> Option<Self> {
        let hex = etag.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match etag.len() {
            64 if hex => Some(Self::Sha256),
            40 if hex => Some(Self::GitBlob),
            _ => None,
        }
    }

    /// The digest of the file, in lower-case hexadecimal.
    pub(super) fn digest(self, path: &Path) -> io::Result<String> {
        let file = File::open(path)?;
        match self {
            Self::Sha256 => hash(Sha256::new(), file),
            Self::GitBlob => {
                let header = format!("blob {}\0", file.metadata()?.len());
                hash(Sha1::new_with_prefix(header), file)
            }
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::GitBlob => "git blob id",
        }
    }
}

fn hash<D: Digest>(mut digest: D, mut content: impl Read) -> io::Result<String> {
    let mut buffer = vec![0; 1 << 18];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => digest.update(&buffer[..n]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum_and_git() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("hello");
        std::fs::write(&file, "hello\n").unwrap();
        assert_eq!(
            Kind::Sha256.digest(&file).unwrap(),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
        assert_eq!(
            Kind::GitBlob.digest(&file).unwrap(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
    }

    #[test]
    fn other_etags_say_nothing() {
        assert_eq!(Kind::of("5d41402abc4b2a76b9719d911017c592-12"), None);
        assert_eq!(Kind::of(&"z".repeat(40)), None);
    }
}
