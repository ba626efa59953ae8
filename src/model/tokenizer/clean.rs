//! What open_clip does to a text before it splits it into words (`_clean_lower`): ftfy's
//! `fix_text`, `html.unescape` twice, one space for each run of white space, small letters.
//!
//! Bounded: of a text the first [`MAX_CHARACTERS`] are read, and repairs that would take more than
//! [`MAX_WORK`] stop; everything else takes time in proportion to the text.

mod characters;
mod entities;
mod mojibake;

use unicode_normalization::UnicodeNormalization;

/// Characters of a text that are read. 75 tokens of a caption are some 400 characters, and 75 of
/// the longest tokens 2,000; the rest is for entities, white space and what else is cleaned away.
pub const MAX_CHARACTERS: usize = 16_384;

/// Bytes that all repairs of a text may read together. Each repair reads the text once, and texts
/// need one, or one for each time that they were escaped or wrongly decoded.
pub const MAX_WORK: usize = 16 * 4 * MAX_CHARACTERS;

/// Bytes that repairs may yet read.
#[derive(Debug)]
struct Budget(usize);

impl Budget {
    /// Takes what it costs to read `text`, if that is left.
    fn spend(&mut self, text: &str) -> bool {
        let left = self.0.checked_sub(text.len());
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// `text`, as the words are taken from it.
pub fn clean(text: &str) -> String {
    let end = text.char_indices().nth(MAX_CHARACTERS).map_or(text.len(), |(at, _)| at);
    let fixed = fix(&text[..end]);
    let unescaped = entities::unescape(&fixed);
    let unescaped = entities::unescape(&unescaped);
    let words: Vec<&str> = unescaped.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// ftfy's `fix_text`: each line by itself, and from the line of the first `<` on entities are meant
/// as they stand.
fn fix(text: &str) -> String {
    let mut budget = Budget(MAX_WORK);
    let mut escaped = true;
    let mut fixed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        escaped &= !line.contains('<');
        fixed.push_str(&fix_line(line, escaped, &mut budget));
    }
    fixed
}

/// ftfy's `fix_and_explain`: all of its fixes, until nothing changes.
fn fix_line(line: &str, escaped: bool, budget: &mut Budget) -> String {
    let mut fixed = line.to_owned();
    loop {
        let unescaped =
            if escaped { entities::unescape_strict(&fixed) } else { fixed.as_str().into() };
        let repaired = mojibake::repair(&unescaped, budget);
        let next: String = characters::plain(&repaired).nfc().collect();
        if next == fixed || !budget.spend(&next) {
            return next;
        }
        fixed = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned_as_open_clip_cleans_them() {
        for (text, expected) in [
            ("", ""),
            ("  A \n Photo\tof\u{3000}a CAT ", "a photo of a cat"),
            ("&amp;amp;amp;", "&"),
            ("<b> &amp;amp;lt; &EACUTE;", "<b> &lt; &eacute;"),
            ("&EACUTE;\n<b>\n&EACUTE;", "é <b> &eacute;"),
            ("&macr;\\_(ã\u{83}\u{84})_/&macr;", "¯\\_(ツ)_/¯"),
            ("cafe\u{301} ΟΔΥΣΣΕΥΣ İ", "café οδυσσευς i\u{307}"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_takes_endless_repairs_is_left_unfinished() {
        let nested = format!("&{}lt;", "amp;".repeat(MAX_CHARACTERS));
        assert!(clean(&nested).starts_with("&amp;amp;"));
        let nested = format!("&{}lt;", "amp;".repeat(100));
        assert_eq!(clean(&nested), "<");
    }

    #[test]
    fn what_lies_beyond_the_bound_is_not_read() {
        let text = "é".repeat(MAX_CHARACTERS);
        assert_eq!(clean(&format!("{text}x")), text);
    }
}
