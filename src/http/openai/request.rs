//! What a request for embeddings asks for: its fields as OpenAI, Infinity and NIM have them. Others,
//! `model` and `user` among them, are ignored.

use bytes::Bytes;
use serde::Deserialize;

use crate::{
    http::{
        dimensions::Dimensions,
        input::{self, Modality},
        passage::{Asked, Overlong},
        rejection::Rejection,
        text::check_count,
    },
    upload::{
        Input, Limits,
        json::{self, FieldError},
        texts::{Text, Texts},
    },
};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    input: Option<Texts<'a>>,
    #[serde(borrow)]
    modality: Option<Texts<'a>>,
    #[serde(borrow)]
    encoding_format: Option<Text<'a>>,
    #[serde(borrow)]
    embedding_type: Option<Text<'a>>,
    #[serde(borrow)]
    truncate: Option<Text<'a>>,
    dimensions: Option<u64>,
}

/// What the answer should be like.
#[derive(Debug)]
pub(super) struct Wanted {
    pub encoding: Encoding,
    pub dimensions: Dimensions,
    /// How many of the inputs are photos.
    pub photos: usize,
}

/// How the numbers are written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Encoding {
    Float,
    Base64,
}

/// Reads `body` for a model whose embeddings have `all` numbers; without a modality, its strings are of
/// `modality`.
pub(super) fn take_apart(
    body: &Bytes,
    limits: &Limits,
    modality: Modality,
    all: usize,
) -> Result<Asked<Wanted>, Rejection> {
    let fields: Body<'_> =
        json::read(body).map_err(|errors| Rejection::Validation(hint(errors)))?;
    let missing = || Rejection::Validation(vec![FieldError::missing(INPUT)]);
    let texts = fields.input.ok_or_else(missing)?;
    check_count(texts.count, limits)?;
    let of = |text: Option<Text<'_>>| text.map(|text| text.0.to_ascii_lowercase());
    let encoding = encoding(of(fields.encoding_format).as_deref())?;
    if of(fields.embedding_type).is_some_and(|kind| kind != "float") {
        return Err(invalid("embedding_type", "Input should be 'float', or be left out"));
    }
    let overlong = overlong(of(fields.truncate).as_deref())?;
    let dimensions = Dimensions::of(fields.dimensions, all)?;
    let modalities = modalities(fields.modality, modality, texts.count)?;
    // One for all, or one for each.
    let of = |index: usize| modalities[index % modalities.len()];
    let inputs = texts.texts.into_iter().enumerate();
    let inputs = inputs.map(|(index, text)| input::input(text, of(index), (INPUT, body)));
    let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
    let photos = inputs.iter().filter(|input| matches!(input, Input::Photo(_))).count();
    let wanted = Wanted { encoding, dimensions, photos };
    Ok(Asked { overlong, ..Asked::plain(inputs, wanted) })
}

const INPUT: &str = "input";

/// Says what OpenAI takes and we do not.
fn hint(mut errors: Vec<FieldError>) -> Vec<FieldError> {
    for error in errors.iter_mut().filter(|error| error.field() == Some(INPUT)) {
        error.msg.push_str("; tokens and objects are not taken, texts and photos are strings");
    }
    errors
}

fn encoding(field: Option<&str>) -> Result<Encoding, Rejection> {
    match field {
        None | Some("float") => Ok(Encoding::Float),
        Some("base64") => Ok(Encoding::Base64),
        Some(_) => Err(invalid("encoding_format", "Input should be 'float' or 'base64'")),
    }
}

/// NIM's `truncate`. Without it texts are cut, as Infinity and open_clip do.
fn overlong(field: Option<&str>) -> Result<Overlong, Rejection> {
    match field {
        None | Some("end") => Ok(Overlong::Cut),
        Some("none") => Ok(Overlong::Refuse),
        Some(_) => {
            let msg = "Input should be 'END' or 'NONE': the beginning of a text is never cut";
            Err(invalid("truncate", msg))
        }
    }
}

/// What strings are, one modality for all of them or one for each of `count`.
fn modalities(
    field: Option<Texts<'_>>,
    default: Modality,
    count: usize,
) -> Result<Vec<Modality>, Rejection> {
    let Some(field) = field else { return Ok(vec![default]) };
    if field.count != 1 && field.count != count {
        let msg = "Input should be one modality for all inputs, or a list with one for each";
        return Err(invalid("modality", msg));
    }
    let modality = |text: &Text<'_>| match text.0.to_ascii_lowercase().as_str() {
        "text" => Ok(Modality::Text),
        "image" => Ok(Modality::Image),
        _ => Err(invalid("modality", "Input should be 'text' or 'image': no others are embedded")),
    };
    field.texts.iter().map(modality).collect()
}

fn invalid(field: &'static str, msg: &str) -> Rejection {
    Rejection::Validation(vec![FieldError::value(field, msg)])
}
