//! Character references of HTML: as Python's `html.unescape` reads them, which guesses at
//! unfinished ones, and as ftfy does, which does not.
//!
//! <https://docs.python.org/3/library/html.html#html.unescape>,
//! <https://github.com/rspeer/python-ftfy/blob/v6.3.1/ftfy/fixes.py> (`unescape_html`)

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use super::mojibake::replace_c1;

/// The characters of HTML5's names, most of which end in a semicolon.
static NAMED: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    entities::ENTITIES.iter().map(|entity| (&entity.entity[1..], entity.characters)).collect()
});

/// Letters in the longest name that is looked up.
const LONGEST: usize = 32;
/// The same for ftfy, semicolon aside.
const LONGEST_STRICT: usize = 24;

/// `html.unescape`: each reference is replaced, also one without a semicolon, and the beginning of
/// one that is none (`&notit;` is `¬it;`).
pub fn unescape(text: &str) -> Cow<'_, str> {
    replace(text, |behind| {
        if let Some(number) = behind.strip_prefix('#') {
            let (character, length) = numbered(number)?;
            let length = 1 + length + usize::from(number[length..].starts_with(';'));
            return Some((character, length));
        }
        let length = name_length(behind);
        let ended = length + usize::from(behind[length..].starts_with(';'));
        (length > 0).then(|| (named(&behind[..ended]), ended))
    })
}

/// ftfy's: only references that end in a semicolon; and names in capitals for those in small
/// letters (`&EACUTE;`), where they cannot mean another.
pub fn unescape_strict(text: &str) -> Cow<'_, str> {
    replace(text, |behind| {
        let body = behind.strip_prefix('#').unwrap_or(behind);
        let length = body.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if length == 0 || length > LONGEST_STRICT || !body[length..].starts_with(';') {
            return None;
        }
        let whole = behind.len() - body.len() + length + 1;
        let character = if body.len() < behind.len() {
            // What has a semicolon left is no number, or is a semicolon, which ftfy leaves.
            let (character, digits) = numbered(body)?;
            (digits == length && character != ";").then_some(character)?
        } else {
            let name = &behind[..whole];
            NAMED.get(name).map(|&found| found.into()).or_else(|| in_capitals(name))?
        };
        Some((character, whole))
    })
}

/// Replaces what follows each `&` by what `reference` makes of it and of as many bytes as it says.
fn replace<F>(text: &str, reference: F) -> Cow<'_, str>
where
    F: Fn(&str) -> Option<(String, usize)>,
{
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let behind = &rest[at + 1..];
        replaced.push_str(&rest[..at]);
        if let Some((characters, length)) = reference(behind) {
            replaced.push_str(&characters);
            rest = &behind[length..];
        } else {
            replaced.push('&');
            rest = behind;
        }
    }
    replaced.push_str(rest);
    Cow::Owned(replaced)
}

/// The character of `65` or `x41`, and how many bytes the number takes; nothing is written for
/// characters that HTML forbids.
fn numbered(text: &str) -> Option<(String, usize)> {
    let hexadecimal = text.starts_with(['x', 'X']);
    let (digits, radix) = if hexadecimal { (&text[1..], 16) } else { (text, 10) };
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if length == 0 {
        return None;
    }
    let code = digits[..length].chars().filter_map(|digit| digit.to_digit(radix));
    let code = code.fold(0_u32, |code, digit| code.saturating_mul(radix).saturating_add(digit));
    let character = match code {
        0 | 0xd800..=0xdfff | 0x11_0000.. => '\u{fffd}'.to_string(),
        0x01..=0x08 | 0x0b | 0x0e..=0x1f | 0x7f | 0xfdd0..=0xfdef => String::new(),
        _ if code & 0xfffe == 0xfffe => String::new(),
        _ => char::from_u32(code).map_or(String::new(), |found| replace_c1(found).to_string()),
    };
    Some((character, usize::from(hexadecimal) + length))
}

/// How many bytes may belong to a name: HTML's `[^\t\n\f <&#;]{1,32}`.
fn name_length(text: &str) -> usize {
    let ends = |character| matches!(character, '\t' | '\n' | '\x0c' | ' ' | '<' | '&' | '#' | ';');
    let end = text.char_indices().take(LONGEST).find(|&(_, character)| ends(character));
    let longest = || text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    end.map_or_else(longest, |(at, _)| at)
}

/// The characters of `name`, or of the longest name of two or more letters that it begins with and
/// the rest, or it stays.
fn named(name: &str) -> String {
    if let Some(&characters) = NAMED.get(name) {
        return characters.to_owned();
    }
    match known_beginning(name) {
        Some((characters, rest)) => format!("{characters}{rest}"),
        None => format!("&{name}"),
    }
}

fn known_beginning(name: &str) -> Option<(&'static str, &str)> {
    (2..name.len()).rev().find_map(|length| {
        let (beginning, rest) = name.split_at_checked(length)?;
        Some((*NAMED.get(beginning)?, rest))
    })
}

/// The characters of a name that is known in small letters, as capitals.
fn in_capitals(name: &str) -> Option<String> {
    if name.contains(|letter: char| letter.is_ascii_lowercase()) || known_beginning(name).is_some()
    {
        return None;
    }
    NAMED.get(name.to_ascii_lowercase().as_str()).map(|characters| characters.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_python_does() {
        for (text, expected) in [
            ("plain", "plain"),
            ("&amp;&lt&gt;&#39;&#x27;&#X41", "&<>''A"),
            ("&eacute; &copy2024 &notit; &notin; &am &a", "é ©2024 ¬it; ∉ &am &a"),
            ("&amp;amp; &bogus; & &; &#; &#x; &", "&amp; &bogus; & &; &#; &#x; &"),
            ("&#0;&#xd800;&#x110000;&#99999999999999999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("[&#1;&#xb;&#xfffe;&#x1ffff;&#xfdd0;&#127;]", "[]"),
            ("&#128;&#x81;&#13;", "€\u{81}\r"),
            (
                "&ampééééééééééééééééééééééééééééééééééééééé;",
                "&ééééééééééééééééééééééééééééééééééééééé;",
            ),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }

    #[test]
    fn ftfy_reads_finished_references_and_capitals() {
        for (text, expected) in [
            ("&amp;&lt &#39;&#x27; &#65a; &#59;", "&&lt '' &#65a; &#59;"),
            ("&eacute;&EACUTE;&SZLIG;&nTILDE;&GTCC;", "éÉSS&nTILDE;&GTCC;"),
            ("&notit; &#128; &bogus; &#xzz;", "&notit; € &bogus; &#xzz;"),
            ("&CounterClockwiseContourIntegral;", "&CounterClockwiseContourIntegral;"),
        ] {
            assert_eq!(unescape_strict(text), expected, "{text}");
        }
    }
}
