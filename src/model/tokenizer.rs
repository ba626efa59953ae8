//! Text to tokens, as open_clip's `SimpleTokenizer` makes them: the text is cleaned, split into
//! words, and each word is merged from bytes to tokens of the vocabulary.
//!
//! Any text has tokens, at most as many as the text tower takes, in bounded time and memory: of a
//! text the first 16,384 characters are read.

mod bpe;
mod clean;
mod error;
mod json;
mod vocabulary;
mod words;

use std::{fs::File, io::Read, path::Path};

pub use error::TokenizerError;
use vocabulary::Vocabulary;

/// The vocabulary that open_clip has built in.
const MERGES: &str = include_str!("../../models/clip-merges.txt");

/// Bytes of a vocabulary's file that are read: CLIP's `tokenizer.json` has 2.2 MB.
const MAX_FILE: u64 = 64 << 20;

/// A text as the text tower reads it: start token, tokens of the text, end token; not padded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens(Vec<u32>);

#[expect(clippy::len_without_is_empty, reason = "there is an end token at least")]
impl Tokens {
    /// The tokens; the last is the end token.
    pub fn as_slice(&self) -> &[u32] {
        &self.0
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of the first end token, whose state is the text's: open_clip's `argmax` of the
    /// tokens. It is not the last where the text itself says `<end_of_text>`.
    pub fn first_end(&self) -> usize {
        let end = self.0.last();
        self.0.iter().position(|token| Some(token) == end).unwrap_or(0)
    }
}

/// Makes [`Tokens`] of texts.
///
/// What is exact: cleaning (all of ftfy 6.3.1's `fix_text`, `html.unescape` twice, `str.lower`),
/// the splitting and the merges. Of 300,000 generated texts, most of them spoiled on purpose
/// (`tests/reference/make_text_cases.py`, seeds 1001 and 1002), 299,999 had the tokens that
/// open_clip 2.24.0 gave under Python 3.11.
///
/// What is not: the other one had 21,503 characters, and those beyond 16,384 are not read; a text
/// that was escaped or wrongly decoded so often that repairs would read more than 1 MB stays in
/// part as it is; and characters newer than Unicode 14 are letters, digits and capitals by the
/// tables of other versions (with them, and code points that no character has, 66 of 50,000 texts
/// differ).
#[derive(Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
}

impl Tokenizer {
    /// open_clip's vocabulary (49,408 tokens), which is built in.
    pub fn builtin() -> Self {
        let vocabulary =
            Vocabulary::from_merges(MERGES).expect("the file is constant, and tests read it");
        Self { vocabulary }
    }

    /// The vocabulary of a model's repository: `merges.txt`, or `tokenizer.json`, which is told by
    /// the end of its name. Only the vocabulary is the file's: texts are cleaned and split as
    /// always.
    ///
    /// # Errors
    /// [`TokenizerError`] when the file cannot be read or is no vocabulary of CLIP.
    pub fn from_file(path: &Path) -> Result<Self, TokenizerError> {
        let text = read(path)?;
        let json = path.extension().is_some_and(|extension| extension == "json");
        let read = if json { json::read(&text) } else { Vocabulary::from_merges(&text) };
        match read {
            Ok(vocabulary) => Ok(Self { vocabulary }),
            Err(reason) => Err(TokenizerError::Unusable { path: path.to_owned(), reason }),
        }
    }

    /// The tokens of `text` for a tower that takes `context` of them, 77 for CLIP's. As open_clip
    /// does, what is beyond it is cut and the last token is the end token, which there is in any
    /// case.
    pub fn tokens(&self, text: &str, context: usize) -> Tokens {
        let Vocabulary { start, end, .. } = self.vocabulary;
        let mut tokens = vec![start];
        let text = clean::clean(text);
        for word in words::words(&text) {
            if tokens.len() >= context {
                break;
            }
            match word {
                words::START => tokens.push(start),
                words::END => tokens.push(end),
                _ => bpe::encode(&self.vocabulary, word, &mut tokens),
            }
        }
        tokens.truncate(context.saturating_sub(1));
        tokens.push(end);
        Tokens(tokens)
    }

    /// How many rows the tower's token embedding needs: one more than the highest token.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary.size()
    }
}

/// The text of a vocabulary's file.
fn read(path: &Path) -> Result<String, TokenizerError> {
    let unreadable = |reason| TokenizerError::Read { path: path.to_owned(), reason };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE {
        return Err(TokenizerError::TooLarge { path: path.to_owned(), limit: MAX_FILE });
    }
    Ok(text)
}
