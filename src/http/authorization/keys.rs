//! The keys that clients may have: one from a setting, more from a file that is followed.
//!
//! Only their SHA-256 digests are kept, so that no key can get into a log or a message, and a key is
//! compared with all of them in constant time.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::http::reload::{Contents, Reloaded};

/// What a key may consist of, for messages.
const FORM: &str =
    "a key is printable ASCII without spaces, like the output of `openssl rand -hex 32`";

/// A key, as its digest.
#[derive(Clone)]
pub struct ApiKey([u8; 32]);

/// Why there are no keys. No message holds a part of one.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Not a key.
    #[error("{FORM}")]
    Form,
    /// The file cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    Unreadable {
        /// `--api-key-file`.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A line of the file is no key.
    #[error("{}, line {line}: {FORM}; what stands behind it on its line begins with #", path.display())]
    Line {
        /// `--api-key-file`.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The file has no key.
    #[error("{} holds no key: write one on each line", path.display())]
    Empty {
        /// `--api-key-file`.
        path: PathBuf,
    },
}

impl ApiKey {
    /// The digest of `text`.
    ///
    /// # Errors
    /// [`KeysError::Form`].
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let is_key = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(Sha256::digest(text).into())) } else { Err(KeysError::Form) }
    }
}

/// All keys. Clones share them.
#[derive(Clone)]
pub struct ApiKeys(Arc<Reloaded<Vec<ApiKey>, KeysError>>);

impl ApiKeys {
    /// The keys of `--api-key` and `--api-key-file`; none where neither is given.
    ///
    /// # Errors
    /// [`KeysError`], for a file that cannot be read, has no key or something else.
    pub fn load(one: Option<ApiKey>, file: Option<PathBuf>) -> Result<Option<Self>, KeysError> {
        if one.is_none() && file.is_none() {
            return Ok(None);
        }
        let paths = Vec::from_iter(file.clone());
        let make = move |contents: &Contents| {
            let mut keys = Vec::from_iter(one.clone());
            if let (Some(path), [content]) = (&file, contents) {
                keys.extend(of_file(path, content)?);
            }
            Ok(keys)
        };
        Ok(Some(Self(Arc::new(Reloaded::new("API keys", paths, make)?))))
    }

    /// Whether `key` is one of them. Takes as long whichever it is, and whether it is one.
    pub(super) fn has(&self, key: &[u8]) -> bool {
        let digest = Sha256::digest(key);
        let keys = self.0.current();
        let none = Choice::from(0);
        keys.iter().fold(none, |found, known| found | known.0[..].ct_eq(&digest)).into()
    }

    /// Follows the file for as long as the runtime lives.
    pub async fn follow(self) {
        self.0.follow().await;
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.current().len())
    }
}

/// The keys of a file: one a line, with `#` before what is none.
fn of_file(path: &Path, content: &io::Result<Vec<u8>>) -> Result<Vec<ApiKey>, KeysError> {
    let content = content.as_ref().map_err(|reason| KeysError::Unreadable {
        path: path.to_owned(),
        reason: reason.to_string(),
    })?;
    let mut keys = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let wrong = || KeysError::Line { path: path.to_owned(), line: index + 1 };
        let line = str::from_utf8(line).map_err(|_| wrong())?;
        let mut words = line.split_whitespace();
        let Some(key) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        if words.next().is_some_and(|word| !word.starts_with('#')) {
            return Err(wrong());
        }
        keys.push(ApiKey::parse(key).map_err(|_| wrong())?);
    }
    if keys.is_empty() { Err(KeysError::Empty { path: path.to_owned() }) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> Result<Vec<ApiKey>, String> {
        of_file(Path::new("keys"), &Ok(text.into())).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_has_a_key_on_each_line_and_comments() {
        let text = "# keys of March\n\nfirst-key # the app\r\n  second#key\t\n#third\n";
        let keys = of_text(text).unwrap();
        let expected = ["first-key", "second#key"].map(|key| ApiKey::parse(key).unwrap().0);
        assert_eq!(keys.iter().map(|key| key.0).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line_and_never_shown() {
        for (text, part) in [
            ("", "holds no key"),
            ("# nothing\n", "holds no key"),
            ("good\nSeCrEt key\n", "line 2"),
            ("SeCrEt\u{e9}\n", "line 1"),
            ("\u{feff}SeCrEt\n", "line 1"),
        ] {
            let Err(message) = of_text(text) else { panic!("{text:?}") };
            assert!(message.starts_with("keys") && message.contains(part), "{message}");
            assert!(!message.contains("SeCrEt"), "{message}");
        }
    }

    #[test]
    fn each_key_is_known_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys");
        std::fs::write(&file, "second\nthird\n").unwrap();
        let first = ApiKey::parse("first").ok();
        let keys = ApiKeys::load(first, Some(file)).unwrap().unwrap();
        for key in ["first", "second", "third"] {
            assert!(keys.has(key.as_bytes()), "{key}");
        }
        for key in ["", "firs", "firstt", "First", "fourth"] {
            assert!(!keys.has(key.as_bytes()), "{key}");
        }
        assert_eq!(format!("{keys:?}"), "ApiKeys(3)");
    }
}
