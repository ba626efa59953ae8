//! Whether a text looks like mojibake: ftfy's `BADNESS_RE`, rule for rule, over its categories of
//! characters.
//!
//! <https://github.com/rspeer/python-ftfy/blob/v6.3.1/ftfy/badness.py>

use std::sync::LazyLock;

use regex::Regex;

// The categories, as the inside of a regular expression's brackets.
const COMMON: &str = r"\u{a0}\u{ad}´·–-―’…";
const C1: &str = r"\u{80}-\u{9f}";
const BAD: &str = r"¤¦¨ª¬¯¸ºƒˆˇ˘˛˜†‡‰⌐◊\u{fffd}";
const LAW: &str = "§¶";
const CURRENCY: &str = "¢£¥₧€";
const START_PUNCTUATION: &str = r"¡©«¿΄΅‘‚“„•‹\u{f8ff}";
const END_PUNCTUATION: &str = "®»˝”›™";
const NUMERIC: &str = "±-³µ¹¼-¾×÷⁄№∂∆∏∑√∞∩∫≈≠≡≤≥";
const KAOMOJI: &str = "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ";
const UPPER_ACCENTED: &str = "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ";
const LOWER_ACCENTED: &str = "ß-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ";
const UPPER_COMMON: &str = "ÞΆΈ-ΊΌΎΏΑ-ΫЁ-Я";
const LOWER_COMMON: &str = "ά-ωа-џ";
const BOX: &str = "│┌┐┘├┤┬┼═-╬▀▄█▌▐-▓";

/// Python's `\w` and `\s`, which are not Rust's.
const WORD: &str = r"\p{L}\p{N}_";
const SPACE: &str = r"\s\x1c-\x1f";

/// Whether some characters of `text` stand beside one another as they do in mojibake only.
pub fn is_bad(text: &str) -> bool {
    static BADNESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(&rules().join("|")).expect("the rules are constant, and a test compiles them")
    });
    BADNESS.is_match(text)
}

/// The rules, each a regular expression.
fn rules() -> Vec<String> {
    let mut rules = between_categories();
    rules.extend(of_single_characters());
    rules
}

fn between_categories() -> Vec<String> {
    let accented = format!("{LOWER_ACCENTED}{UPPER_ACCENTED}");
    let signs = format!("{BOX}{START_PUNCTUATION}{END_PUNCTUATION}{CURRENCY}{NUMERIC}{LAW}");
    vec![
        format!("[{C1}]"),
        format!("[{BAD}{accented}{signs}][{BAD}]"),
        format!("[a-zA-Z][{LOWER_COMMON}{UPPER_COMMON}][{BAD}]"),
        format!("[{BAD}][{accented}{signs}]"),
        format!(
            "[{LOWER_ACCENTED}{LOWER_COMMON}{BOX}{END_PUNCTUATION}{CURRENCY}{NUMERIC}]\
             [{UPPER_ACCENTED}]"
        ),
        format!("[{BOX}{END_PUNCTUATION}{CURRENCY}{NUMERIC}][{LOWER_ACCENTED}]"),
        format!("[{LOWER_ACCENTED}{BOX}{END_PUNCTUATION}][{CURRENCY}]"),
        format!("[{SPACE}][{UPPER_ACCENTED}][{CURRENCY}]"),
        format!("[{UPPER_ACCENTED}{BOX}][{NUMERIC}{LAW}]"),
        format!("[{accented}{BOX}{CURRENCY}{END_PUNCTUATION}][{START_PUNCTUATION}][{NUMERIC}]"),
        format!(
            "[{accented}{CURRENCY}{NUMERIC}{BOX}{LAW}][{END_PUNCTUATION}][{START_PUNCTUATION}]"
        ),
        format!("[{CURRENCY}{NUMERIC}{BOX}][{START_PUNCTUATION}]"),
        format!("[a-z][{UPPER_ACCENTED}][{START_PUNCTUATION}{CURRENCY}]"),
        format!("[{BOX}][{KAOMOJI}]"),
        format!("[{accented}{CURRENCY}{NUMERIC}{START_PUNCTUATION}{END_PUNCTUATION}{LAW}][{BOX}]"),
        format!("[{BOX}][{END_PUNCTUATION}]"),
        format!("[{accented}][{START_PUNCTUATION}{END_PUNCTUATION}][{WORD}]"),
    ]
}

fn of_single_characters() -> Vec<String> {
    let punctuation = format!("{START_PUNCTUATION}{END_PUNCTUATION}");
    let arabic =
        format!("[ØÙ][{COMMON}{CURRENCY}{BAD}{NUMERIC}{START_PUNCTUATION}ŸŠ®°µ»]").repeat(2);
    let between = format!("{C1}{BAD}{punctuation}{CURRENCY}");
    vec![
        // The ligature œ that no plain Latin letter follows, and degrees of capital letters
        "[Œœ][^A-Za-z]".to_owned(),
        format!("[{UPPER_ACCENTED}]°"),
        // Windows-1252: two characters, Arabic, the scripts of South Asia
        format!(r"[ÂÃÎÐ][€œŠš¢£Ÿž\u{{a0}}\u{{ad}}®©°·»{punctuation}–—´]"),
        "×[²³]".to_owned(),
        arabic,
        "à[²µ¹¼½¾]".to_owned(),
        // Mac Roman
        "√[±∂†≠®™´≤≥¥µø]|≈[°¢]|‚Ä[ìîïòôúùû†°¢π]|‚[âó][àä°ê]".to_owned(),
        // Windows-1251
        "вЂ".to_owned(),
        format!("[ВГРС][{between}°µ][ВГРС]"),
        "ГўВЂВ.[A-Za-z ]".to_owned(),
        // Windows-1252: à, á, U+00A0, and Â before what it encodes
        r"Ã[\u{a0}¡]|[a-z]\s?[ÃÂ] |^[ÃÂ] ".replace(r"\s", &format!("[{SPACE}]")),
        format!("[a-z.,?!{END_PUNCTUATION}]Â[ {punctuation}]"),
        // Windows-1253 and 1257
        r"β€[™\u{a0}Ά\u{ad}®°]".to_owned(),
        format!("[ΒΓΞΟ][{between}°][ΒΓΞΟ]"),
        "ā€".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mojibake_is_bad_and_other_texts_are_not() {
        for bad in ["schÃ¶n", "â€œ", "Ã la mode", "Â© 2024", "РїСЂРёРІРµС‚ вЂњ", "\u{85}", "вЂ"]
        {
            assert!(is_bad(bad), "{bad}");
        }
        for good in ["", "schön", "“quotes”", "à la mode", "© 2024", "привет", "ΣΑΣ", "50°"]
        {
            assert!(!is_bad(good), "{good}");
        }
    }
}
