//! Texts that were decoded in the wrong encoding: finds the encoding and decodes them again, as
//! ftfy's `fix_encoding` does.
//!
//! <https://github.com/rspeer/python-ftfy/blob/v6.3.1/ftfy/__init__.py>

mod badness;
mod bytes;
mod code_pages;
mod detector;

use badness::is_bad;
use code_pages::{CodePage, Encoding};

use super::Budget;

/// `text`, decoded again until it does not look wrong or nothing helps.
pub fn repair(text: &str, budget: &mut Budget) -> String {
    let mut repaired = text.to_owned();
    while budget.spend(&repaired) {
        match step(&repaired, budget) {
            Some(next) if next != repaired => repaired = next,
            _ => break,
        }
    }
    repaired
}

/// The C1 control characters, which nobody means, are what Windows-1252 has for their byte.
pub fn replace_c1(character: char) -> char {
    match character {
        '\u{80}'..='\u{9f}' => code_pages::windows_1252(character as u8),
        _ => character,
    }
}

/// ftfy's `_fix_encoding_one_step_and_explain`, without the explanation.
fn step(text: &str, budget: &mut Budget) -> Option<String> {
    if text.is_ascii() || !is_bad(text) {
        return None;
    }
    let mut latin_1 = false;
    for page in code_pages::all() {
        let Some(bytes) = page.encode(text) else { continue };
        latin_1 |= page.encoding == Encoding::Latin1;
        if let Some(fixed) = as_utf_8(page, &bytes) {
            return Some(fixed);
        }
    }
    if let Some(fixed) = repair_parts(text, budget) {
        return Some(fixed);
    }
    if latin_1 && let Some(fixed) = as_windows_1252(text) {
        return Some(fixed);
    }
    text.contains(is_c1).then(|| text.chars().map(replace_c1).collect())
}

/// What `bytes` say as UTF-8, if they nearly are that.
fn as_utf_8(page: &CodePage, bytes: &[u8]) -> Option<String> {
    let restored = match page.encoding {
        // An en dash and a space would be taken for U+00A0.
        Encoding::MacRoman => bytes.into(),
        _ => bytes::restore_a0(bytes),
    };
    match page.encoding {
        Encoding::Sloppy => bytes::decode(&bytes::replace_lost(&restored)),
        _ => bytes::decode(&restored),
    }
}

/// `text` with those parts repaired that look like UTF-8 by themselves, if that changes anything.
fn repair_parts(text: &str, budget: &mut Budget) -> Option<String> {
    let mut repaired = String::with_capacity(text.len());
    let mut behind = 0;
    for run in detector::runs(text) {
        let part = &text[run.clone()];
        // Of the whole text it is known that nothing helps.
        if part.len() < text.len() && is_bad(part) {
            repaired.push_str(&text[behind..run.start]);
            repaired.push_str(&repair(part, budget));
            behind = run.end;
        }
    }
    repaired.push_str(&text[behind..]);
    (repaired != text).then_some(repaired)
}

/// Characters of Latin-1 that were meant to be of Windows-1252, if all their bytes are in it and
/// that changes anything.
fn as_windows_1252(text: &str) -> Option<String> {
    let fixed: String = text.chars().map(replace_c1).collect();
    (fixed != text && !fixed.contains(is_c1)).then_some(fixed)
}

fn is_c1(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mojibake_is_decoded_again_as_a_whole_in_parts_and_repeatedly() {
        for (text, expected) in [
            ("schÃ¶n", "schön"),
            ("dÃƒÂ©jÃƒÂ\u{a0} vu", "déjà vu"),
            ("voilÃ le travail", "voilà le travail"),
            ("РїСЂРёРІРµС‚", "привет"),
            ("一 âœ” Ã³", "一 ✔ ó"),
            ("â€œ like this â€\u{fffd}", "“ like this \u{fffd}"),
            ("\u{93}quotes\u{94}", "“quotes”"),
            ("schön, ça va", "schön, ça va"),
            ("", ""),
        ] {
            let mut budget = Budget(1 << 16);
            let repaired = repair(text, &mut budget);
            assert_eq!(repaired, expected, "{text}");
        }
    }

    #[test]
    fn without_a_budget_a_text_stays_as_it_is() {
        assert_eq!(repair("schÃ¶n", &mut Budget(3)), "schÃ¶n");
    }
}
