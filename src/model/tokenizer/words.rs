//! Splits a cleaned text into the words that are encoded by themselves: start and end tokens,
//! English contractions, runs of letters, single digits, runs of anything else but white space.
//!
//! open_clip's pattern, which ignores case in two ways that matter: `ſ` is an `s`, and U+0345,
//! which is a small iota in another case, is neither letter nor sign and belongs to no word.

use std::sync::LazyLock;

use regex::Regex;

/// How open_clip writes the tokens in front of a text and behind it, where a text has them itself.
pub const START: &str = "<start_of_text>";
pub const END: &str = "<end_of_text>";

/// The words of `text`, which has no capitals.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    static WORD: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x)<[sſ]tart_of_text>|<end_of_text>
            |'[sſ]|'t|'re|'ve|'m|'ll|'d
            |\p{L}+|\p{N}|[^\s\p{L}\p{N}\x{345}]+",
        )
        .expect("the pattern is constant, and tests compile it")
    });
    WORD.find_iter(text).map(|word| word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_as_open_clips_pattern_splits_it() {
        for (text, expected) in [
            ("it's 'tis", &["it", "'s", "'t", "is"][..]),
            ("a1b 23 x!?... é_é", &["a", "1", "b", "2", "3", "x", "!?...", "é", "_", "é"]),
            ("<start_of_text>a<end_of_text>", &["<start_of_text>", "a", "<end_of_text>"]),
            ("!<end_of_text>", &["!<", "end", "_", "of", "_", "text", ">"]),
            ("<ſtart_of_text> 'ſ ſ", &["<ſtart_of_text>", "'ſ", "ſ"]),
            ("a\u{345}b !\u{345}!", &["a", "b", "!", "!"]),
            ("", &[]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
