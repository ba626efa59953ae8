//! The vocabulary: a token for each byte, one for each byte that ends a word, and those that merges
//! of two make, in the order in which they apply.
//!
//! Kept as numbers only: what a token spells is needed while the vocabulary is read, and no longer.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

/// What stands behind a word's last byte.
pub const END_OF_WORD: &str = "</w>";
/// Merges that open_clip takes of a `merges.txt`, whatever else is in it: 49,408 tokens, without
/// those of bytes, start and end.
const OPEN_CLIP_MERGES: usize = 49_408 - 512 - 2;

/// Tokens, and how they are merged.
pub struct Vocabulary {
    /// The token of each byte within a word.
    pub inner: [u32; 256],
    /// The token of each byte that ends a word.
    pub last: [u32; 256],
    /// For two tokens that merge, the rank of the merge: the lowest applies first.
    ranks: HashMap<(u32, u32), u32>,
    /// For each rank, the token that it makes.
    merged: Vec<u32>,
    /// The token in front of a text.
    pub start: u32,
    /// The token behind a text.
    pub end: u32,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Vocabulary {
    /// Reads a `merges.txt`: two tokens a line, behind a first line that may hold a version. Tokens
    /// are numbered as open_clip does: bytes, bytes that end a word, merges, start, end.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    pub fn from_merges(text: &str) -> Result<Self, String> {
        let mut reader = Reader::new(None)?;
        let mut lines = text.lines().enumerate().peekable();
        lines.next_if(|(_, line)| line.contains("#version"));
        let merges = lines.filter(|(_, line)| !line.is_empty()).take(OPEN_CLIP_MERGES);
        for (index, line) in merges {
            let pair = line.split_once(' ').ok_or_else(|| format!("`{line}` is not two tokens"));
            pair.and_then(|(first, second)| reader.merge(first, second))
                .map_err(|reason| format!("line {}: {reason}", index + 1))?;
        }
        let start = 512 + reader.rank();
        Ok(reader.finish(start, start + 1))
    }

    /// Takes the merges and the number of each token that a `tokenizer.json` holds.
    ///
    /// # Errors
    /// What is wrong, and with which token.
    pub fn from_numbers<'a>(
        merges: impl IntoIterator<Item = (&'a str, &'a str)>,
        numbers: &HashMap<String, u32>,
        (start, end): (u32, u32),
    ) -> Result<Self, String> {
        let mut reader = Reader::new(Some(numbers))?;
        for (first, second) in merges {
            reader.merge(first, second)?;
        }
        Ok(reader.finish(start, end))
    }

    /// The rank of the merge of two tokens, if they merge.
    pub fn rank(&self, first: u32, second: u32) -> Option<u32> {
        self.ranks.get(&(first, second)).copied()
    }

    /// The token that the merge of this rank makes.
    pub fn merged(&self, rank: u32) -> u32 {
        self.merged[rank as usize]
    }

    /// One more than the highest token.
    pub fn size(&self) -> usize {
        let tokens = self.inner.iter().chain(&self.last).chain(&self.merged);
        let highest = tokens.fold(self.start.max(self.end), |highest, &token| highest.max(token));
        highest as usize + 1
    }
}

/// Puts a vocabulary together.
struct Reader<'a> {
    /// The number of each token; where there is none, tokens are numbered as they come.
    numbers: Option<&'a HashMap<String, u32>>,
    /// The tokens that there are so far.
    known: HashMap<String, u32>,
    vocabulary: Vocabulary,
}

impl<'a> Reader<'a> {
    fn new(numbers: Option<&'a HashMap<String, u32>>) -> Result<Self, String> {
        let vocabulary = Vocabulary {
            inner: [0; 256],
            last: [0; 256],
            ranks: HashMap::with_capacity(OPEN_CLIP_MERGES),
            merged: Vec::with_capacity(OPEN_CLIP_MERGES),
            start: 0,
            end: 0,
        };
        let known = HashMap::with_capacity(512 + OPEN_CLIP_MERGES);
        let mut reader = Self { numbers, known, vocabulary };
        for (order, (byte, letter)) in (0..).zip(letters()) {
            reader.vocabulary.inner[usize::from(byte)] = reader.add(letter.to_string(), order)?;
            reader.vocabulary.last[usize::from(byte)] =
                reader.add(format!("{letter}{END_OF_WORD}"), 256 + order)?;
        }
        Ok(reader)
    }

    /// The rank of the merge that comes next.
    fn rank(&self) -> u32 {
        u32::try_from(self.vocabulary.merged.len()).unwrap_or(u32::MAX)
    }

    /// Adds the merge of two tokens that there are, the result of which is new: so no merge makes
    /// what an earlier one would have taken, and merging in any order of places gives one result.
    fn merge(&mut self, first: &str, second: &str) -> Result<(), String> {
        let known = |token: &str| {
            let missing = || format!("no byte and no earlier merge is `{token}`");
            self.known.get(token).copied().ok_or_else(missing)
        };
        let (pair, rank) = ((known(first)?, known(second)?), self.rank());
        let token = self.add(format!("{first}{second}"), rank.saturating_add(512))?;
        self.vocabulary.ranks.insert(pair, rank);
        self.vocabulary.merged.push(token);
        Ok(())
    }

    fn add(&mut self, token: String, order: u32) -> Result<u32, String> {
        let number = match self.numbers {
            None => order,
            Some(numbers) => {
                *numbers.get(&token).ok_or_else(|| format!("`{token}` has no number"))?
            }
        };
        match self.known.entry(token) {
            Entry::Vacant(entry) => Ok(*entry.insert(number)),
            Entry::Occupied(entry) => Err(format!("`{}` is there twice", entry.key())),
        }
    }

    fn finish(self, start: u32, end: u32) -> Vocabulary {
        Vocabulary { start, end, ..self.vocabulary }
    }
}

/// The letters that stand for bytes in vocabularies, in the order of their tokens: those that print
/// stand for themselves, and the others for U+0100 and on.
/// <https://github.com/openai/gpt-2/blob/master/src/encoder.py> (`bytes_to_unicode`)
fn letters() -> impl Iterator<Item = (u8, char)> {
    let prints = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..);
    let printing = (0..=255_u8).filter(prints).map(|byte| (byte, char::from(byte)));
    let others = (0..=255_u8).filter(move |byte| !prints(byte));
    printing.chain(others.zip('\u{100}'..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_numbered_bytes_first_then_merges_then_start_and_end() {
        let vocabulary = Vocabulary::from_merges("#version: 0.2\nc a\nca t</w>\n").unwrap();
        assert_eq!((vocabulary.inner[usize::from(b'!')], vocabulary.inner[0]), (0, 188));
        assert_eq!(vocabulary.last[usize::from(b'!')], 256);
        let [c, a] = [b'c', b'a'].map(|byte| vocabulary.inner[usize::from(byte)]);
        assert_eq!(vocabulary.rank(c, a), Some(0));
        assert_eq!(vocabulary.rank(a, c), None);
        assert_eq!((vocabulary.merged(0), vocabulary.merged(1)), (512, 513));
        assert_eq!((vocabulary.start, vocabulary.end, vocabulary.size()), (514, 515, 516));
    }

    #[test]
    fn a_line_that_merges_nothing_is_an_error_that_names_it() {
        for (text, expected) in [
            ("c a\nca", "line 2: `ca` is not two tokens"),
            ("c a\nca r s", "line 2: no byte and no earlier merge is `r s`"),
            ("#version\nca t", "line 2: no byte and no earlier merge is `ca`"),
            ("c a\nc a", "line 2: `ca` is there twice"),
        ] {
            assert_eq!(Vocabulary::from_merges(text).unwrap_err(), expected);
        }
    }
}
