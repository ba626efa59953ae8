//! Files that could not be embedded, kept to be listed at the end.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer};

use super::names::{printable, text};

/// A file without an embedding, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The file or folder.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// A stable label, as in an answer of the service.
    pub code: &'static str,
    /// For people.
    pub detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.path), self.detail)
    }
}

fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(path))
}

/// Most failures that are kept. Of more files than that something else is wrong.
pub const KEPT: usize = 10_000;

/// The first failures of a run, and how many there were.
#[derive(Debug, Default)]
pub struct Failures {
    kept: Vec<Failure>,
    count: u64,
}

impl Failures {
    /// Adds one; gives it back where there are too many to keep.
    pub fn add(&mut self, failure: Failure) -> Option<Failure> {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(failure);
            return None;
        }
        Some(failure)
    }

    /// The first ones.
    pub fn kept(&self) -> &[Failure] {
        &self.kept
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// A list of them for people, a line each; nothing where there are none.
    pub fn list(&self) -> String {
        if self.count == 0 {
            return String::new();
        }
        let mut list = "not embedded:\n".to_owned();
        self.kept.iter().for_each(|failure| list.push_str(&format!("  {failure}\n")));
        let others = self.count - self.kept.len() as u64;
        if others > 0 {
            list.push_str(&format!("  and {others} that were told above\n"));
        }
        list
    }
}
