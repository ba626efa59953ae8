//! Characters that have a plainer form, and those that are nothing: ftfy's fixes of single
//! characters, in its order.
//!
//! <https://github.com/rspeer/python-ftfy/blob/v6.3.1/ftfy/fixes.py>

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use super::mojibake::replace_c1;

/// Takes apart ligatures; brings letters to their usual width and quotes to `'` and `"`; ends lines
/// with U+000A; and leaves out terminal escapes and control characters.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars().map(replace_c1) {
        if character.is_ascii() {
            plain.push(character);
        } else if let Some(letters) = ligature(character) {
            plain.extend(letters.chars().map(straight_quote));
        } else if has_other_width(character) {
            plain.extend(usual_width(character).map(straight_quote));
        } else {
            plain.push(straight_quote(character));
        }
    }
    let plain = plain.replace("\r\n", "\n").replace(['\r', '\u{2028}', '\u{2029}'], "\n");
    let mut plain = without_terminal_escapes(&plain).into_owned();
    plain.retain(|character| !is_control(character));
    plain
}

/// The letters of a ligature or digraph of Latin letters.
fn ligature(character: char) -> Option<&'static str> {
    Some(match character {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "ʼn",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        _ => return None,
    })
}

/// Whether it is of the block of full-width and half-width forms, or the space of that width.
fn has_other_width(character: char) -> bool {
    matches!(character, '\u{ff01}'..='\u{ffef}' | '\u{3000}')
}

fn usual_width(character: char) -> impl Iterator<Item = char> {
    std::iter::once(character).nfkc()
}

fn straight_quote(character: char) -> char {
    match character {
        '\u{2bc}' | '\u{2018}'..='\u{201b}' => '\'',
        '\u{201c}'..='\u{201f}' => '"',
        _ => character,
    }
}

/// Without the sequences that colour text and move the cursor. Python's `\d` is any decimal digit.
fn without_terminal_escapes(text: &str) -> Cow<'_, str> {
    static ESCAPE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\x1b\[[\p{Nd};]*[a-zA-Z]")
            .expect("the pattern is constant, and tests compile it")
    });
    ESCAPE.replace_all(text, "")
}

/// Controls that neither are white space nor change how their neighbours look.
fn is_control(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x08'
            | '\x0b'
            | '\x0e'..='\x1f'
            | '\x7f'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffc}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_gets_its_plainest_form() {
        for (text, expected) in [
            ("plain", "plain"),
            ("ﬂubberiﬁc ŉ ǅ", "flubberific 'n Dž"),
            ("ＬＯＵＤ　＂Ｕﾀﾞ￣", "LOUD \"Uタ\u{3099} \u{304}"),
            ("“here’s” ʼa‛ test‟", "\"here's\" 'a' test\""),
            ("a\r\nb\rc\u{2028}d\u{2029}e", "a\nb\nc\nd\ne"),
            ("\u{93}x\u{94}\u{85}", "\"x\"…"),
            ("\x1b[36;44mblue\x1b[0m \x1b[٣m \x1b[", "blue  ["),
            ("a\0\x07\x0b\x7f\u{feff}\u{fffc}\u{206a}b\u{200d}\t", "ab\u{200d}\t"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }
}
