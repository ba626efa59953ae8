//! Base64 as Python's `base64.b64decode` takes it: foreign characters are skipped, bad padding is
//! an error. A `data:` URI is cut at its first comma.
//!
//! Clean text, which nearly all is, goes through the `base64` crate; only what it refuses is gone
//! through character by character.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Why text is no base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base64Error {
    /// The last group is not filled up by `=`.
    #[error("incorrect base64 padding: {0} data characters, expected a multiple of 4 with `=`")]
    Padding(usize),
    /// One data character is left over, which no padding can complete.
    #[error(
        "invalid base64: the number of data characters ({0}) cannot be 1 more than a multiple of 4"
    )]
    Length(usize),
    /// A data URI without a comma.
    #[error("a data: URI without a comma; expected data:image/jpeg;base64,...")]
    DataUri,
    /// No data character at all.
    #[error("nothing to decode: the text is empty")]
    Empty,
}

impl Base64Error {
    /// A stable label for clients and metrics.
    pub fn code(self) -> &'static str {
        "invalid_base64"
    }
}

/// The bytes that `text` stands for, base64 or a `data:` URI.
///
/// # Errors
/// [`Base64Error`] when there is nothing to decode or the padding is wrong.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    let text = match text.get(..5) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"data:") => {
            let comma = text.iter().position(|&byte| byte == b',').ok_or(Base64Error::DataUri)?;
            &text[comma + 1..]
        }
        _ => text,
    };
    let bytes = STANDARD.decode(text).or_else(|_| decode_leniently(text))?;
    if bytes.is_empty() { Err(Base64Error::Empty) } else { Ok(bytes) }
}

/// The loop of CPython's `binascii.a2b_base64` in its lenient mode: a complete padding ends the
/// data, a `=` out of place is skipped like any foreign character.
fn decode_leniently(text: &[u8]) -> Result<Vec<u8>, Base64Error> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut pads, mut characters) = (0u32, 0, 0);
    for &character in text {
        let place = characters % 4;
        if character == b'=' {
            pads += 1;
            if place >= 2 && place + pads >= 4 {
                push(&mut bytes, group, place);
                return Ok(bytes);
            }
            continue;
        }
        let Some(value) = value(character) else { continue };
        (group, pads, characters) = (group << 6 | value, 0, characters + 1);
        if place == 3 {
            push(&mut bytes, group, 4);
            group = 0;
        }
    }
    match characters % 4 {
        0 => Ok(bytes),
        1 => Err(Base64Error::Length(characters)),
        _ => Err(Base64Error::Padding(characters)),
    }
}

/// The whole bytes among the bits of `characters` (2 to 4) data characters.
fn push(bytes: &mut Vec<u8>, group: u32, characters: usize) {
    let [_, group @ ..] = (group << (6 * (4 - characters))).to_be_bytes();
    bytes.extend_from_slice(&group[..characters - 1]);
}

fn value(character: u8) -> Option<u32> {
    let value = match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_characters_are_skipped() {
        for text in ["aGVsbG8=", "aGVs\nbG8=\n", " a G V s b G 8 = ", "a-G_V*s\u{e9}bG8="] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Ok(&b"hello"[..]), "{text:?}");
        }
    }

    #[test]
    fn data_uris_are_cut_at_their_first_comma() {
        for text in ["data:image/png;base64,aGVsbG8=", "DATA:,aGVsbG8=", "data:a,aGVs,bG8="] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Ok(&b"hello"[..]), "{text:?}");
        }
        assert_eq!(decode(b"data:image/png;base64"), Err(Base64Error::DataUri));
    }

    /// Each expectation was taken from CPython 3.11's `base64.b64decode`.
    #[test]
    fn padding_is_pythons() {
        assert_eq!(decode(b"aGVsbG8"), Err(Base64Error::Padding(7)));
        assert_eq!(decode(b"aGVsb"), Err(Base64Error::Length(5)));
        assert_eq!(decode(b"=aGVsbG8="), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"aGVsbG8=aGVs"), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"aGVsbG8=="), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"aGU=="), Ok(b"he".to_vec()));
        assert_eq!(decode(b"aG=VsbG8="), Ok(b"hello".to_vec()));
        assert_eq!(decode(b"aGV="), Ok(b"he".to_vec()));
        assert_eq!(decode(b"aGW="), Ok(b"he".to_vec()), "bits that do not count may be set");
    }

    #[test]
    fn nothing_is_an_error() {
        for text in ["", "   ", "data:,", "===="] {
            assert_eq!(decode(text.as_bytes()), Err(Base64Error::Empty), "{text:?}");
        }
    }
}
