//! The JSON of an inference request. Tensors in it are read straight into the bytes that the model's
//! input is made of: as text they are megabytes, and are never a tree of values.

use std::{borrow::Cow, fmt, marker::PhantomData};

use bytes::Bytes;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::{
    error::OipError,
    models::{Served, Takes},
    tensor::Reader,
};
use crate::{
    http::rejection::Rejection,
    upload::{Input, texts::Text},
};

/// Most elements of the lists of a request and of shapes: more than any model here has.
const MOST: usize = 16;

/// The body; fields and parameters that mean nothing here are skipped.
#[derive(Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    pub parameters: Option<Object<Parameters>>,
    #[serde(borrow)]
    pub inputs: Few<Object<InputTensor<'a>>>,
    #[serde(borrow)]
    pub outputs: Option<Few<Object<OutputTensor<'a>>>>,
}

/// The parameters of a request.
#[derive(Default, Deserialize)]
pub(super) struct Parameters {
    pub binary_data_output: Option<bool>,
}

/// An input.
#[derive(Deserialize)]
pub(super) struct InputTensor<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(borrow)]
    pub datatype: Cow<'a, str>,
    pub shape: Few<i64>,
    pub parameters: Option<Object<InputParameters>>,
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
}

/// The parameters of an input.
#[derive(Debug, Default, Deserialize)]
pub(super) struct InputParameters {
    pub binary_data_size: Option<u64>,
    pub shared_memory_region: Option<serde::de::IgnoredAny>,
}

/// An output that is asked for.
#[derive(Deserialize)]
pub(super) struct OutputTensor<'a> {
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    pub parameters: Option<Object<OutputParameters>>,
}

/// The parameters of an output.
#[derive(Default, Deserialize)]
pub(super) struct OutputParameters {
    pub binary_data: Option<bool>,
    pub classification: Option<serde::de::IgnoredAny>,
    pub shared_memory_region: Option<serde::de::IgnoredAny>,
}

/// What JSON calls an object: serde would take a list of its fields as well.
#[derive(Debug, Default)]
pub(super) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfObject<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(OfObject(PhantomData))
    }
}

/// A list of few elements; a longer one is refused before it costs memory.
pub(super) struct Few<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfFew<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfFew<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MOST} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut few = Vec::new();
                while let Some(element) = list.next_element()? {
                    if few.len() == MOST {
                        return Err(A::Error::invalid_length(MOST + 1, &self));
                    }
                    few.push(element);
                }
                Ok(Few(few))
            }
        }

        deserializer.deserialize_seq(OfFew(PhantomData))
    }
}

/// What a tensor of so many bytes takes beyond the text that it is read from.
pub(super) fn beyond(text: &RawValue, reader: &Reader, batch: usize) -> u64 {
    let bytes = match reader.served.takes {
        Takes::Pixels { .. } => reader.numbers(batch) * size_of::<f32>(),
        Takes::Files | Takes::Texts => 0,
    };
    bytes.saturating_sub(text.get().len()) as u64
}

/// Refuses `text` that is no list, or too short for what its shape promises: one character and one comma
/// a number.
///
/// # Errors
/// [`OipError::Data`].
pub(super) fn check_list(text: &RawValue, reader: &Reader, batch: usize) -> Result<(), OipError> {
    let elements = match reader.served.takes {
        Takes::Pixels { .. } => reader.numbers(batch),
        Takes::Files | Takes::Texts => batch,
    };
    if !text.get().starts_with('[') {
        return Err(reader.data("has data that is no list"));
    }
    match text.get().len() < 2 * elements {
        true => {
            Err(reader.data(format!("has fewer elements in its data than its shape, {elements}")))
        }
        false => Ok(()),
    }
}

/// The inputs of a batch whose elements `text`, a part of the body `whole`, lists, nested or flat: numbers,
/// texts, or files in base64.
///
/// # Errors
/// [`OipError`].
pub(super) fn inputs(
    text: &RawValue,
    whole: &Bytes,
    reader: &Reader,
    batch: usize,
) -> Result<Vec<Input>, Rejection> {
    let Served { takes, .. } = *reader.served;
    if let Takes::Pixels { .. } = takes {
        let numbers = numbers(text.get(), reader.numbers(batch)).map_err(|w| reader.data(w))?;
        return Ok(reader.raw(batch, numbers.into())?);
    }
    let found = strings(text.get(), batch).map_err(|wrong| reader.data(wrong))?;
    if found.len() != batch {
        let wrong = format!("has {} elements, its shape has {batch}", found.len());
        return Err(reader.data(wrong).into());
    }
    let input = |text: Text<'_>| match takes {
        Takes::Texts => Input::Text(text.0.into_owned()),
        _ => Input::Photo(text.into_photo(whole)),
    };
    Ok(found.into_iter().map(input).collect())
}

/// The `count` numbers of `list`, valid JSON, as little-endian f32; or what is wrong with it.
fn numbers(list: &str, count: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(count * size_of::<f32>());
    let separators = |c: char| c.is_ascii_whitespace() || matches!(c, '[' | ']' | ',');
    for number in list.split(separators).filter(|word| !word.is_empty()) {
        if bytes.len() == count * size_of::<f32>() {
            return Err(format!("has more elements in its data than its shape, {count}"));
        }
        // Rust takes words that JSON has not, like `inf`, but those do not come here.
        let Ok(value) = number.parse::<f32>() else {
            let found: String = number.chars().take(20).collect();
            return Err(format!("has {found:?} in its data, expected numbers"));
        };
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    match bytes.len() / size_of::<f32>() {
        found if found < count => Err(format!("has {found} numbers, its shape has {count}")),
        _ => Ok(bytes),
    }
}

/// The strings of `list`, nested or flat, at most one more than `most`; or what is wrong with it.
fn strings(list: &str, most: usize) -> Result<Vec<Text<'_>>, String> {
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_str(list);
    let read = Strings { found: &mut found, most, depth: 0 }.deserialize(&mut json);
    read.map_err(|error| format!("has data that is no list of strings: {error}"))?;
    Ok(found)
}

/// Batch, and one more axis.
const DEPTH: usize = 2;

/// Reads a string, or the strings of a list.
struct Strings<'a, 'de> {
    found: &'a mut Vec<Text<'de>>,
    most: usize,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strings<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strings<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        self.push(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(Cow::Owned(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        if self.depth == DEPTH {
            return Err(A::Error::custom("the lists are nested more deeply than the shape"));
        }
        let Self { found, most, depth } = self;
        let mut element = || {
            let inner = Strings { found: &mut *found, most, depth: depth + 1 };
            list.next_element_seed(inner)
        };
        while element()?.is_some() {}
        Ok(())
    }
}

impl<'de> Strings<'_, 'de> {
    fn push<E: Error>(self, text: Cow<'de, str>) -> Result<(), E> {
        if self.found.len() == self.most {
            return Err(E::custom("more elements than the shape has"));
        }
        self.found.push(Text(text));
        Ok(())
    }
}

/// The tensor of a body without JSON: the one input, of a batch of one.
pub(super) fn whole(reader: &Reader, body: Bytes) -> Result<Vec<Input>, OipError> {
    if body.is_empty() {
        return Err(reader.data("is missing: the body is empty"));
    }
    match reader.served.takes {
        Takes::Pixels { .. } => reader.raw(1, body),
        Takes::Files | Takes::Texts => reader.elements(1, &[body]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(list: &str, count: usize) -> Result<Vec<f32>, String> {
        let bytes = numbers(list, count)?;
        Ok(bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
    }

    #[test]
    fn numbers_are_read_however_they_are_nested() {
        for list in
            ["[1,-2.5,3e1,0.1]", " [ [1 ,-2.5], [[3e1]], [] ,0.1 ] ", "[[[[1,-2.5,3E+1,0.1]]]]"]
        {
            assert_eq!(floats(list, 4), Ok(vec![1., -2.5, 30., 0.1]), "{list}");
        }
        assert_eq!(floats("[1e400]", 1), Ok(vec![f32::INFINITY]), "refused where it is used");
    }

    #[test]
    fn what_is_no_number_or_not_so_many_is_refused() {
        for (list, count, wrong) in [
            ("[1,2]", 3, "has 2 numbers"),
            ("[1,2,3,4]", 3, "more elements"),
            ("[1,\"2\",3]", 3, "expected numbers"),
            ("[1,null,3]", 3, "expected numbers"),
            ("[1,{\"a\":2},3]", 3, "expected numbers"),
            ("true", 1, "expected numbers"),
        ] {
            let found = floats(list, count).unwrap_err();
            assert!(found.contains(wrong), "{list}: {found}");
        }
    }

    #[test]
    fn strings_are_read_in_one_list_or_two() {
        for list in [r#"["a","b\n"]"#, r#"[["a"],["b\n"]]"#, r#"[["a","b\n"]]"#] {
            let found = strings(list, 2).unwrap();
            assert_eq!(found.iter().map(|text| &*text.0).collect::<Vec<_>>(), ["a", "b\n"]);
        }
        for list in [r#"[[["a"]]]"#, "[1]", r#"["a","b","c"]"#, r#"{"a":"b"}"#] {
            assert!(strings(list, 2).is_err(), "{list}");
        }
    }

    #[test]
    fn objects_are_no_lists_of_their_fields() {
        let read = |json| serde_json::from_str::<Object<InputParameters>>(json);
        assert_eq!(read(r#"{"binary_data_size": 7}"#).unwrap().0.binary_data_size, Some(7));
        assert!(read("[7, null]").is_err());
    }

    #[test]
    fn lists_are_short() {
        let long = format!("[{}1]", "1,".repeat(MOST));
        assert!(serde_json::from_str::<Few<i64>>(&long).is_err());
        let short = format!("[{}1]", "1,".repeat(MOST - 1));
        assert_eq!(serde_json::from_str::<Few<i64>>(&short).unwrap().0.len(), MOST);
    }
}
