//! What is wrong with a field, as FastAPI (pydantic 2) tells it: one entry for each mistake, with its
//! kind, its place, and what would be right.

use serde::Serialize;
use serde_json::{Value, json};

/// One entry of FastAPI's list of validation errors.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Kind of the mistake, like `missing` or `string_type`.
    #[serde(rename = "type")]
    #[schema(example = "missing")]
    pub kind: &'static str,
    /// Where it is: `body` or `query`, then names and indices.
    #[schema(value_type = Vec<Value>, example = json!(["body", "images"]))]
    pub loc: Vec<Place>,
    /// What would be right.
    #[schema(example = "Field required")]
    pub msg: String,
    /// What was found there; `null` where that is large.
    #[schema(value_type = Value)]
    pub input: Value,
    /// More, where the kind has more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub ctx: Option<Value>,
}

/// A step on the way to the place of an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// A field that is known by its name.
    Name(&'static str),
    /// A field of a body that is read as a whole.
    Field(String),
    /// An element of a list, or a byte of the text.
    Index(usize),
}

impl FieldError {
    /// The value of the body's `field` cannot be used.
    pub fn value(field: &'static str, msg: &str) -> Self {
        Self::value_of([Place::Name(field)], msg)
    }

    /// The body has no `field`.
    pub fn missing(field: &'static str) -> Self {
        Self::new("missing", [Place::Name(field)], "Field required", Value::Null)
    }

    /// The outermost field at fault, if the mistake is in one.
    pub fn field(&self) -> Option<&str> {
        match self.loc.get(1)? {
            Place::Name(name) => Some(name),
            Place::Field(name) => Some(name),
            Place::Index(_) => None,
        }
    }

    pub(super) fn value_of(place: impl IntoIterator<Item = Place>, msg: &str) -> Self {
        Self::new("value_error", place, msg, Value::Null)
    }

    /// A mistake in the body, at `place` within it.
    pub(super) fn new(
        kind: &'static str,
        place: impl IntoIterator<Item = Place>,
        msg: impl Into<String>,
        input: Value,
    ) -> Self {
        let loc = [Place::Name("body")].into_iter().chain(place).collect();
        Self { kind, loc, msg: msg.into(), input, ctx: None }
    }

    pub(super) fn no_json(byte: usize, error: &str) -> Self {
        let ctx = Some(json!({ "error": error }));
        Self {
            ctx,
            ..Self::new("json_invalid", [Place::Index(byte)], "JSON decode error", json!({}))
        }
    }
}
