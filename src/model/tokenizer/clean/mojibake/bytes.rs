//! Bytes that nearly are UTF-8: puts back what was lost on the way, and decodes the variants of
//! UTF-8 that programs write.
//!
//! ftfy's `restore_byte_a0`, `replace_lossy_sequences` and its codec `utf-8-variants`, with their
//! corner cases.

use std::{borrow::Cow, sync::LazyLock};

use regex::bytes::{Captures, Regex};

/// UTF-8 in which the byte A0, a no-break space to many programs, became a space.
static ALTERED: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"[\xc2\xc3\xc5\xce\xd0\xd9]\x20
        |[\xe2\xe3]\x20[\x80-\x84\x86-\x9f\xa1-\xbf]
        |[\xe0-\xe3][\x80-\x84\x86-\x9f\xa1-\xbf]\x20
        |\xf0\x20[\x80-\xbf]{2}
        |\xf0[\x80-\xbf]\x20[\x80-\xbf]
        |\xf0[\x80-\xbf]{2}\x20",
    )
});

/// UTF-8 and CESU-8 with lost bytes, for each of which stands 1A, or once `?`.
static LOSSY: LazyLock<Regex> = LazyLock::new(|| {
    constant(
        r"[\xc2-\xdf]\x1a
        |[\xc2-\xc3]\?
        |\xed[\xa0-\xaf][\x1a?]\xed[\xb0-\xbf][\x1a?\x80-\xbf]
        |\xed[\xa0-\xaf][\x1a?\x80-\xbf]\xed[\xb0-\xbf][\x1a?]
        |[\xe0-\xef][\x1a?][\x1a\x80-\xbf]
        |[\xe0-\xef][\x1a\x80-\xbf][\x1a?]
        |[\xf0-\xf4][\x1a?][\x1a\x80-\xbf]{2}
        |[\xf0-\xf4][\x1a\x80-\xbf][\x1a?][\x1a\x80-\xbf]
        |[\xf0-\xf4][\x1a\x80-\xbf]{2}[\x1a?]
        |\x1a",
    )
});

fn constant(pattern: &str) -> Regex {
    Regex::new(&format!("(?x-u){pattern}")).expect("the pattern is constant, and tests compile it")
}

/// Puts back each byte A0 that became a space, where that makes UTF-8 of a likely character.
pub fn restore_a0(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !ALTERED.is_match(bytes) {
        return Cow::Borrowed(bytes);
    }
    let bytes = restore_words_in_a_grave(bytes);
    let restore = |found: &Captures| -> Vec<u8> {
        found[0].iter().map(|&byte| if byte == b' ' { 0xa0 } else { byte }).collect()
    };
    Cow::Owned(ALTERED.replace_all(&bytes, restore).into_owned())
}

/// "Ã la mode" is "à la mode": the space stays beside the byte A0 that it is made to be, unless a
/// Portuguese word goes on behind it. ftfy's `\xc3 (?! |quele|quela|quilo|s )`.
fn restore_words_in_a_grave(bytes: &[u8]) -> Vec<u8> {
    let goes_on = |rest: &[u8]| {
        [&b" "[..], b"quele", b"quela", b"quilo", b"s "].iter().any(|word| rest.starts_with(word))
    };
    let mut restored = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        restored.push(first);
        if first == 0xc3 && rest.first() == Some(&b' ') && !goes_on(&rest[1..]) {
            restored.extend(b"\xa0 ");
            rest = &rest[1..];
        }
    }
    restored
}

/// Makes U+FFFD of each character that lost some of its bytes.
pub fn replace_lost(bytes: &[u8]) -> Cow<'_, [u8]> {
    LOSSY.replace_all(bytes, "\u{fffd}".as_bytes())
}

/// The text of `bytes`, which are UTF-8, or where it needs them have CESU-8's surrogates and Java's
/// zero.
pub fn decode(bytes: &[u8]) -> Option<String> {
    if bytes.contains(&0xed) || bytes.contains(&0xc0) {
        decode_variants(bytes)
    } else {
        std::str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

fn decode_variants(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(bytes.len());
    let (mut plain, mut at) = (0, 0);
    while at < bytes.len() {
        let length = match special(&bytes[at..]) {
            Special::No => {
                at += 1;
                continue;
            }
            Special::Broken => return None,
            Special::Character(character, length) => {
                text.push_str(std::str::from_utf8(&bytes[plain..at]).ok()?);
                text.push(character);
                length
            }
        };
        at += length;
        plain = at;
    }
    text.push_str(std::str::from_utf8(&bytes[plain..]).ok()?);
    Some(text)
}

/// What stands at the front of some bytes.
#[derive(Debug, PartialEq, Eq)]
enum Special {
    /// UTF-8 or anything that is none.
    No,
    /// What no variant allows.
    Broken,
    /// A character, and how many bytes it takes.
    Character(char, usize),
}

/// In ftfy's expressions `$` stands for the end of the bytes, and so also matches in front of a
/// line break that is the last byte, which is then taken for the missing one.
fn special(bytes: &[u8]) -> Special {
    match *bytes {
        [0xc0, 0x80, ..] | [0xc0, b'\n'] => Special::Character('\0', 2),
        [0xed, 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ 0x80..=0xbf, ..]
        | [0xed, 0xa0..=0xaf, b @ 0x80..=0xbf, 0xed, c @ 0xb0..=0xbf, d @ b'\n'] => {
            let [a, b, c, d] = [bytes[1] & 0xf, b & 0x3f, c & 0xf, d & 0x3f].map(u32::from);
            let code = (a << 16) + (b << 10) + (c << 6) + d + 0x10000;
            char::from_u32(code).map_or(Special::Broken, |found| Special::Character(found, 6))
        }
        [0xed, 0xa0..=0xbf, ..] => Special::Broken,
        _ => Special::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_that_were_a0_are_a0_again() {
        assert_eq!(&*restore_a0(b"voil\xc3 le"), b"voil\xc3\xa0 le");
        assert_eq!(&*restore_a0(b"\xc3 quele"), b"\xc3\xa0quele");
        assert_eq!(&*restore_a0(b"\xe2 \x81"), b"\xe2\xa0\x81");
        assert_eq!(&*restore_a0(b"a b"), b"a b");
    }

    #[test]
    fn lost_bytes_make_a_replacement_character() {
        assert_eq!(&*replace_lost(b"\xe2\x80\x1a!"), "\u{fffd}!".as_bytes());
        assert_eq!(&*replace_lost(b"\xc3?"), "\u{fffd}".as_bytes());
        assert_eq!(&*replace_lost(b"a?"), b"a?");
    }

    #[test]
    fn variants_of_utf_8_are_decoded_and_no_more() {
        assert_eq!(decode(b"\xc3\xa9").as_deref(), Some("é"));
        assert_eq!(decode(b"a\xc0\x80b").as_deref(), Some("a\0b"));
        assert_eq!(decode(b"\xed\xa0\xbd\xed\xb2\xa9 \xed\x95\x9c").as_deref(), Some("💩 한"));
        assert_eq!(decode(b"a\xc0\n").as_deref(), Some("a\0"));
        for broken in
            [&b"\xc3"[..], b"\xc0", b"\xc0\x81", b"\xed\xa0\xbd", b"\xed\xb2\xa9\xed\xa0\xbd"]
        {
            assert_eq!(decode(broken), None, "{broken:x?}");
        }
    }
}
