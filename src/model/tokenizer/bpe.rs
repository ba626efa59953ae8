//! Byte-pair encoding of one word: of all merges that apply to two neighbours the lowest in rank
//! comes first, at its leftmost place, until none applies.
//!
//! With a queue, so that a word of n bytes takes n log n steps: words may be as long as a text.
//! <https://arxiv.org/abs/1508.07909>

use std::{cmp::Reverse, collections::BinaryHeap};

use super::vocabulary::Vocabulary;

/// Behind the last token, and in front of the first.
const NONE: usize = usize::MAX;

/// A token with its neighbours; a token that was merged into its left neighbour is gone.
#[derive(Debug)]
struct Part {
    token: u32,
    before: usize,
    behind: usize,
    gone: bool,
}

/// A word on its way from bytes to tokens.
struct Word<'a> {
    vocabulary: &'a Vocabulary,
    parts: Vec<Part>,
    /// Rank and left token of each merge that applied when it was found.
    queue: BinaryHeap<Reverse<(u32, usize)>>,
}

/// Appends the tokens of `word` to `tokens`.
pub fn encode(vocabulary: &Vocabulary, word: &str, tokens: &mut Vec<u32>) {
    let mut word = Word::new(vocabulary, word.as_bytes());
    while let Some(Reverse((rank, left))) = word.queue.pop() {
        if word.rank(left) == Some(rank) {
            word.merge(left, rank);
        }
    }
    tokens.extend(word.parts.iter().filter(|part| !part.gone).map(|part| part.token));
}

impl<'a> Word<'a> {
    fn new(vocabulary: &'a Vocabulary, bytes: &[u8]) -> Self {
        let last = bytes.len().saturating_sub(1);
        let part = |(at, &byte): (usize, &u8)| {
            let of = if at == last { &vocabulary.last } else { &vocabulary.inner };
            Part {
                token: of[usize::from(byte)],
                before: at.checked_sub(1).unwrap_or(NONE),
                behind: if at == last { NONE } else { at + 1 },
                gone: false,
            }
        };
        let parts = bytes.iter().enumerate().map(part).collect();
        let mut word = Self { vocabulary, parts, queue: BinaryHeap::new() };
        (0..last).for_each(|left| word.enqueue(left));
        word
    }

    /// The rank of the merge of a token with the one behind it, if both are there and it applies.
    fn rank(&self, left: usize) -> Option<u32> {
        let part = self.parts.get(left).filter(|part| !part.gone)?;
        let right = self.parts.get(part.behind)?;
        self.vocabulary.rank(part.token, right.token)
    }

    fn enqueue(&mut self, left: usize) {
        if let Some(rank) = self.rank(left) {
            self.queue.push(Reverse((rank, left)));
        }
    }

    /// Merges a token with the one behind it.
    fn merge(&mut self, left: usize, rank: u32) {
        let right = self.parts[left].behind;
        let behind = self.parts[right].behind;
        self.parts[right].gone = true;
        self.parts[left].token = self.vocabulary.merged(rank);
        self.parts[left].behind = behind;
        if let Some(part) = self.parts.get_mut(behind) {
            part.before = left;
        }
        self.enqueue(self.parts[left].before);
        self.enqueue(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One merge at a time, by looking through the whole word.
    fn naive(vocabulary: &Vocabulary, word: &str) -> Vec<u32> {
        let bytes = word.as_bytes();
        let (last, inner) = bytes.split_last().unwrap();
        let mut tokens: Vec<u32> =
            inner.iter().map(|byte| vocabulary.inner[usize::from(*byte)]).collect();
        tokens.push(vocabulary.last[usize::from(*last)]);
        let lowest = |tokens: &[u32]| {
            let ranks = tokens.windows(2).map(|pair| vocabulary.rank(pair[0], pair[1]));
            ranks.enumerate().filter_map(|(at, rank)| Some((rank?, at))).min()
        };
        while let Some((rank, at)) = lowest(&tokens) {
            tokens.splice(at..at + 2, [vocabulary.merged(rank)]);
        }
        tokens
    }

    #[test]
    fn the_queue_merges_as_looking_through_the_word_does() {
        let merges = "a a\nb a\naa aa\naa ba\nc a</w>\nb b\nbb a\naaaa aaba\naa a</w>\n";
        let vocabulary = Vocabulary::from_merges(merges).unwrap();
        for number in 0..3_usize.pow(9) {
            let length = 1 + number % 9;
            let letter = |at: u32| ['a', 'b', 'c'][number / 3_usize.pow(at) % 3];
            let word: String = (0..9).map(letter).take(length).collect();
            let mut tokens = Vec::new();
            encode(&vocabulary, &word, &mut tokens);
            assert_eq!(tokens, naive(&vocabulary, &word), "{word}");
        }
    }

    #[test]
    fn a_word_as_long_as_a_text_is_encoded() {
        let vocabulary = Vocabulary::from_merges("a a\naa aa\naaaa aaaa\n").unwrap();
        let mut tokens = Vec::new();
        encode(&vocabulary, &"a".repeat(1 << 18), &mut tokens);
        assert_eq!(tokens.len(), (1 << 15) + 3);
        encode(&vocabulary, "", &mut tokens);
        assert_eq!(tokens.len(), (1 << 15) + 3);
    }
}
