//! Why there is no vocabulary.

use std::path::PathBuf;

/// Why a file gives no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file cannot be read.
    #[error("{}: the vocabulary cannot be read: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The file is far larger than a vocabulary.
    #[error(
        "{}: the vocabulary has more than {limit} bytes; expected the `merges.txt` or \
         `tokenizer.json` of a CLIP model", path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes that are read of a vocabulary.
        limit: u64,
    },
    /// The file is none of CLIP's vocabularies.
    #[error(
        "{}: not a vocabulary of CLIP: {reason}; expected the `merges.txt` or `tokenizer.json` of \
         a CLIP model", path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}
