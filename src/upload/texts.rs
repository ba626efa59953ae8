//! Texts in the JSON of a request, as parts of its body: photos in base64 are megabytes, and are not
//! copied. A list of millions keeps no more than could ever be taken.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, SeqAccess, Visitor},
};

use super::Photo;

/// Most texts of a list that are kept; all are counted. No request may have more: `--max-images` goes
/// no higher.
pub const MOST: usize = 1 << 16;

/// A text of a body, borrowed where it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The photo whose base64, `data:` URI or URL this is, a part of the body `whole`.
    pub fn into_photo(self, whole: &Bytes) -> Photo {
        if is_url(&self.0) {
            return Photo::Url(self.0.into_owned());
        }
        Photo::Base64(match self.0 {
            Cow::Borrowed(text) => whole.slice_ref(text.as_bytes()),
            Cow::Owned(text) => Bytes::from(text),
        })
    }
}

/// Whether `text` says where a photo is; no base64 has a colon.
pub fn is_url(text: &str) -> bool {
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("https://") || begins("http://")
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;

        impl<'de> Visitor<'de> for OfText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(OfText)
    }
}

/// A text, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts<'a> {
    /// In order; of a very long list its beginning.
    pub texts: Vec<Text<'a>>,
    /// How many there are.
    pub count: usize,
    /// Whether it was a text and no list.
    pub one: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMany)
    }
}

struct OneOrMany;

impl<'de> Visitor<'de> for OneOrMany {
    type Value = Texts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Texts<'de>, E> {
        Ok(Texts { texts: vec![Text(Cow::Borrowed(text))], count: 1, one: true })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Texts<'de>, E> {
        Ok(Texts { texts: vec![Text(Cow::Owned(text.to_owned()))], count: 1, one: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts<'de>, A::Error> {
        let mut found = Texts::default();
        while found.count < MOST {
            let Some(text) = list.next_element()? else { return Ok(found) };
            found.texts.push(text);
            found.count += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            found.count += 1;
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_is_a_list_of_one_and_plain_texts_are_parts_of_the_body() {
        let body = Bytes::from_static(br#"["plain", "esc\naped"]"#);
        let found: Texts<'_> = serde_json::from_slice(&body).unwrap();
        assert!(matches!(&found.texts[0].0, Cow::Borrowed("plain")));
        assert!(matches!(&found.texts[1].0, Cow::Owned(text) if text == "esc\naped"));
        assert_eq!((found.count, found.one), (2, false));
        let one: Texts<'_> = serde_json::from_str(r#""one""#).unwrap();
        assert_eq!((one.count, one.one, &*one.texts[0].0), (1, true, "one"));
    }

    #[test]
    fn a_list_without_end_is_counted_and_not_kept() {
        let body = format!("[{}\"\"]", "\"\",".repeat(MOST + 10));
        let found: Texts<'_> = serde_json::from_str(&body).unwrap();
        assert_eq!((found.texts.len(), found.count), (MOST, MOST + 11));
    }

    #[test]
    fn other_types_are_refused() {
        for body in ["1", "null", "{}", "[1]", "[[\"a\"]]"] {
            assert!(serde_json::from_str::<Texts<'_>>(body).is_err(), "{body}");
        }
    }
}
