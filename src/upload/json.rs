//! The JSON body of an embedding request, checked as FastAPI checks it.
//!
//! One pass over the text: photos are parts of it, fields that are unknown are skipped, and
//! what has a wrong type is noted without being kept, so that a hostile body costs no memory. The
//! errors are FastAPI's (pydantic 2's) objects, all of them at once.

mod error;
mod short;

use std::{borrow::Cow, fmt};

use bytes::Bytes;
pub use error::{FieldError, Place};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, error::Category, json};
use serde_path_to_error::Segment;
use short::short;

use super::{OnError, Photo, Wishes, texts::Text};

/// The photos and wishes of a JSON body.
#[derive(Debug)]
pub struct JsonUpload {
    /// In the order of the request; at most one more than the limit, so that it is seen.
    pub photos: Vec<Photo>,
    /// How many photos the body has, those beyond the limit counted.
    pub count: usize,
    /// What else it says.
    pub wishes: Wishes,
}

/// U+FEFF in UTF-8, which some editors and shells put before text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A body larger than this is not gone through again for the `input` of its errors.
const LARGEST_ECHO: usize = 4096;

/// A body that may be ours or another protocol's.
#[derive(Debug)]
pub enum Either {
    /// It has photos in `images`.
    Ours(JsonUpload),
    /// It has `inputs`, which somebody else reads.
    Inputs,
}

/// Reads the body `whole`, keeping at most `most` photos and one more.
///
/// # Errors
/// All mistakes of the body, as FastAPI lists them.
pub fn parse(whole: &Bytes, most: usize) -> Result<JsonUpload, Vec<FieldError>> {
    let body = text_of(whole);
    fields(body, most)?.check(whole, body)
}

/// The same, unless the body has `inputs`.
///
/// # Errors
/// As [`parse`], and where the body has both.
pub fn parse_either(whole: &Bytes, most: usize) -> Result<Either, Vec<FieldError>> {
    let body = text_of(whole);
    let fields = fields(body, most)?;
    match (&fields.images, fields.inputs) {
        (_, false) => fields.check(whole, body).map(Either::Ours),
        (None, true) => Ok(Either::Inputs),
        (Some(_), true) => {
            let msg = "Input should not be given beside images: send images, or inputs";
            Err(vec![FieldError::value("inputs", msg)])
        }
    }
}

/// The body without what Python's `json.loads` skips, too.
fn text_of(whole: &Bytes) -> &[u8] {
    whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole)
}

fn fields(body: &[u8], most: usize) -> Result<Box<Fields<'_>>, Vec<FieldError>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(vec![FieldError::new("missing", [], "Field required", Value::Null)]);
    }
    // What is skipped has to be text too.
    let text = match str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => {
            return Err(vec![FieldError::no_json(error.valid_up_to(), &error.to_string())]);
        }
    };
    let mut text = serde_json::Deserializer::from_str(text);
    let found = Expected::Body { most }.deserialize(&mut text);
    match found.and_then(|found| text.end().map(|()| found)) {
        Err(error) => Err(vec![FieldError::no_json(place_of(&error, body), &error.to_string())]),
        Ok(Found::Object(fields)) => Ok(fields),
        Ok(_) => Err(vec![FieldError::new(
            "model_attributes_type",
            [],
            "Input should be a valid dictionary or object to extract fields from",
            echo(body, &[]),
        )]),
    }
}

/// Reads the body `whole` as a `T`, whose fields may borrow from it; unknown ones are skipped.
///
/// # Errors
/// The first mistake of the body, in few words however long the value at fault is.
pub fn read<'a, T: Deserialize<'a>>(whole: &'a Bytes) -> Result<T, Vec<FieldError>> {
    let body = text_of(whole);
    let mut text = serde_json::Deserializer::from_slice(body);
    let mut track = serde_path_to_error::Track::new();
    let read = T::deserialize(serde_path_to_error::Deserializer::new(&mut text, &mut track));
    read.and_then(|read| text.end().map(|()| read)).map_err(|error| {
        vec![match error.classify() {
            Category::Data => FieldError::value_of(way(&track.path()), &short(&error)),
            _ => FieldError::no_json(place_of(&error, body), &short(&error)),
        }]
    })
}

/// The steps of `path` within a body.
fn way(path: &serde_path_to_error::Path) -> Vec<Place> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Place::Index(*index)),
        Segment::Map { key } => Some(Place::Field(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    path.iter().filter_map(step).collect()
}

/// The byte of `body` at which `error` was noticed.
fn place_of(error: &serde_json::Error, body: &[u8]) -> usize {
    let lines = body.split_inclusive(|&byte| byte == b'\n');
    let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    // The column is that of the last byte that was read, from 1; the end is after it.
    let within = if error.is_eof() { error.column() } else { error.column().saturating_sub(1) };
    (before + within).min(body.len())
}

/// What a value is read for.
#[derive(Clone, Copy)]
enum Expected {
    /// The whole body, of whose photos `most` and one more are kept.
    Body { most: usize },
    /// A list of photos.
    Photos { most: usize },
    /// Text.
    Text,
}

/// What a value is. Lists and objects are kept where they are expected, else only gone through.
enum Found<'a> {
    Null,
    Text(Cow<'a, str>),
    Photos(Photos<'a>),
    Object(Box<Fields<'a>>),
    Other,
}

#[derive(Default)]
struct Fields<'a> {
    images: Option<Found<'a>>,
    /// Whether there are any.
    inputs: bool,
    model_name: Option<Found<'a>>,
    pretrained: Option<Found<'a>>,
    on_error: Option<Found<'a>>,
}

/// The fields that mean something.
#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum FieldName {
    Images,
    Inputs,
    ModelName,
    Pretrained,
    OnError,
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Photos<'a> {
    photos: Vec<Cow<'a, str>>,
    count: usize,
    /// Places of the first elements that are no text.
    wrong: Vec<usize>,
}

/// Elements of a wrong type that are named: a body of millions must not make an answer of
/// megabytes.
const MOST_WRONG: usize = 16;

/// What `text` says in the field `on_error` of `part`, which is `body` or `query`.
///
/// # Errors
/// When it is neither `fail` nor `skip`.
pub fn on_error(part: &'static str, text: &str) -> Result<OnError, Vec<FieldError>> {
    let wrong = |()| FieldError {
        kind: "enum",
        loc: vec![Place::Name(part), Place::Name("on_error")],
        msg: "Input should be 'fail' or 'skip'".to_owned(),
        // Enough to know it again.
        input: Value::String(text.chars().take(64).collect()),
        ctx: Some(json!({ "expected": "'fail' or 'skip'" })),
    };
    text.parse().map_err(|error| vec![wrong(error)])
}

impl Fields<'_> {
    fn check(self, whole: &Bytes, body: &[u8]) -> Result<JsonUpload, Vec<FieldError>> {
        let mut errors = Vec::new();
        let Photos { photos, count, .. } = photos(self.images, body, &mut errors);
        let mut text = |name, found| text(name, found, body, &mut errors);
        let model_name = text("model_name", self.model_name);
        let pretrained = text("pretrained", self.pretrained);
        let on_error = text("on_error", self.on_error).map(|text| on_error("body", &text));
        let on_error = on_error.transpose().unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let photo = |text| Text(text).into_photo(whole);
        let photos = photos.into_iter().map(photo).collect();
        Ok(JsonUpload { photos, count, wishes: Wishes { model_name, pretrained, on_error } })
    }
}

fn photos<'a>(found: Option<Found<'a>>, body: &[u8], errors: &mut Vec<FieldError>) -> Photos<'a> {
    let field = Place::Name("images");
    match found {
        Some(Found::Photos(photos)) => {
            errors.extend(photos.wrong.iter().map(|&index| {
                let place = [field.clone(), Place::Index(index)];
                let input = echo(body, &place);
                FieldError::new("string_type", place, "Input should be a valid string", input)
            }));
            return photos;
        }
        Some(_) => {
            let input = echo(body, std::slice::from_ref(&field));
            let msg = "Input should be a valid list";
            errors.push(FieldError::new("list_type", [field], msg, input));
        }
        None => errors.push(FieldError::new("missing", [field], "Field required", echo(body, &[]))),
    }
    Photos::default()
}

fn text(
    name: &'static str,
    found: Option<Found<'_>>,
    body: &[u8],
    errors: &mut Vec<FieldError>,
) -> Option<String> {
    match found {
        Some(Found::Text(text)) => Some(text.into_owned()),
        None | Some(Found::Null) => None,
        Some(_) => {
            let place = [Place::Name(name)];
            let input = echo(body, &place);
            let msg = "Input should be a valid string";
            errors.push(FieldError::new("string_type", place, msg, input));
            None
        }
    }
}

/// What a small body has at `place`; `null` in the place of anything from a large one.
fn echo(body: &[u8], place: &[Place]) -> Value {
    if body.len() > LARGEST_ECHO {
        return Value::Null;
    }
    let whole: Value = serde_json::from_slice(body).unwrap_or_default();
    let found = place.iter().try_fold(&whole, |value, step| match step {
        Place::Name(name) => value.get(name),
        Place::Field(name) => value.get(name),
        Place::Index(index) => value.get(index),
    });
    found.cloned().unwrap_or_default()
}

impl<'de> DeserializeSeed<'de> for Expected {
    type Value = Found<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expected {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(Found::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(Found::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found<'de>, E> {
        Ok(Found::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found<'de>, A::Error> {
        let Self::Photos { most } = self else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Found::Other);
        };
        let mut photos = Photos::default();
        while let Some(element) = list.next_element_seed(Self::Text)? {
            match element {
                Found::Text(text) if photos.photos.len() <= most => {
                    photos.photos.push(text);
                }
                Found::Text(_) => {}
                _ if photos.wrong.len() < MOST_WRONG => photos.wrong.push(photos.count),
                _ => {}
            }
            photos.count += 1;
        }
        Ok(Found::Photos(photos))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Found<'de>, A::Error> {
        let Self::Body { most } = self else {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Found::Other);
        };
        let mut fields = Fields::default();
        while let Some(name) = object.next_key()? {
            let (field, expected) = match name {
                FieldName::Images => (&mut fields.images, Self::Photos { most }),
                FieldName::ModelName => (&mut fields.model_name, Self::Text),
                FieldName::Pretrained => (&mut fields.pretrained, Self::Text),
                FieldName::OnError => (&mut fields.on_error, Self::Text),
                FieldName::Inputs | FieldName::Other => {
                    object.next_value::<IgnoredAny>()?;
                    fields.inputs |= matches!(name, FieldName::Inputs);
                    continue;
                }
            };
            *field = Some(object.next_value_seed(expected)?);
        }
        Ok(Found::Object(Box::new(fields)))
    }
}
