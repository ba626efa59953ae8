//! Which strings are photos and which are texts, in protocols that mix both in one list.

use bytes::Bytes;

use super::rejection::Rejection;
use crate::upload::{Input, json::FieldError, texts::Text};

/// What the strings of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modality {
    /// Photos where they begin with `data:image/`, else texts: NVIDIA's NIM.
    Detect,
    /// Texts, whatever they say: Infinity.
    Text,
    /// Photos: `data:` URIs, base64 alone, or URLs.
    Image,
}

/// What a photo begins with where it stands among texts.
const PHOTO: &str = "data:image/";

/// What `text`, a part of the body `whole` in its field `field`, is.
///
/// # Errors
/// [`Rejection::Validation`] for what can be neither: a photo within a text.
pub(super) fn input(
    text: Text<'_>,
    modality: Modality,
    (field, whole): (&'static str, &Bytes),
) -> Result<Input, Rejection> {
    let begins = |with: &str| begins(text.0.trim_start(), with);
    let is_photo = match modality {
        Modality::Detect => begins(PHOTO),
        Modality::Text => false,
        Modality::Image => true,
    };
    if !is_photo {
        return match modality {
            Modality::Detect if holds_photo(&text.0) => Err(invalid(field, PHOTO_WITHIN)),
            _ => Ok(Input::Text(text.0.into_owned())),
        };
    }
    Ok(Input::Photo(text.into_photo(whole)))
}

const PHOTO_WITHIN: &str = "Input should not have a photo within a text: a photo is a string of its own \
                            that begins with data:image/, and assets are not served. Such a string can \
                            be embedded as a text with the modality text";

fn invalid(field: &'static str, msg: &str) -> Rejection {
    Rejection::Validation(vec![FieldError::value(field, msg)])
}

/// Whether `text` begins with `with`, in any case.
fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Whether a text has a photo within, as one that is embedded together with the text, or as a
/// reference to an asset of NVIDIA's cloud: as a text it would give a vector that means nothing.
fn holds_photo(text: &str) -> bool {
    text.split_once(PHOTO)
        .is_some_and(|(_, rest)| rest.contains(";base64,") || rest.contains(";asset_id,"))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::upload::Photo;

    fn read(text: &str, modality: Modality) -> Result<Input, Rejection> {
        let whole = Bytes::copy_from_slice(text.as_bytes());
        let text = Text(Cow::Borrowed(str::from_utf8(&whole).unwrap()));
        input(text, modality, ("input", &whole))
    }

    fn is_photo(text: &str, modality: Modality) -> bool {
        matches!(read(text, modality), Ok(Input::Photo(Photo::Base64(_))))
    }

    #[test]
    fn photos_are_told_from_texts_by_their_beginning() {
        for photo in ["data:image/png;base64,AA==", " DATA:Image/JPEG;base64,AA==", "data:image/,"]
        {
            assert!(is_photo(photo, Modality::Detect), "{photo}");
        }
        for text in
            ["", "a cat", "data:text/plain,a", "data:imag", "https://host/cat.png", "é data"]
        {
            assert!(
                matches!(read(text, Modality::Detect), Ok(Input::Text(t)) if t == text),
                "{text}"
            );
        }
    }

    #[test]
    fn a_modality_decides_whatever_the_string_says() {
        let photo = "data:image/png;base64,AA==";
        assert!(matches!(read(photo, Modality::Text), Ok(Input::Text(_))));
        for photo in [photo, "AA==", "a cat"] {
            assert!(is_photo(photo, Modality::Image), "{photo}");
        }
    }

    #[test]
    fn urls_are_photos_where_photos_are_asked_for_and_photos_within_texts_are_refused() {
        for url in ["https://host/cat.png", "HTTP://host/cat.png"] {
            let photo = read(url, Modality::Image);
            assert!(matches!(photo, Ok(Input::Photo(Photo::Url(found))) if found == url), "{url}");
        }
        for text in
            ["a cat data:image/png;base64,AA==", "<img src=\"data:image/png;asset_id,f00\" />"]
        {
            assert!(read(text, Modality::Detect).is_err(), "{text}");
            assert!(read(text, Modality::Text).is_ok(), "{text}");
        }
    }
}
