//! Reads the fields of a config's JSON objects, so that each error names the field by its path in
//! the file and shows the value found. A `null` counts as absent, as in the configs' own loaders.

use serde_json::{Map, Value};

use super::{ArchitectureError, MAX_DIMENSION};

/// One JSON object and where it stands in the file.
pub(super) struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// The object that a whole file is.
    pub(super) fn parse(json: &str) -> Result<Self, ArchitectureError> {
        serde_json::from_str(json)
            .map(|map| Self { path: String::new(), map })
            .map_err(|error| ArchitectureError::Syntax { reason: error.to_string() })
    }

    /// The object in `field`, if there is one.
    pub(super) fn section(&self, field: &str) -> Result<Option<Self>, ArchitectureError> {
        let object = self.read(field, Value::as_object, "an object")?;
        Ok(object.map(|map| Self { path: self.path_of(field), map: map.clone() }))
    }

    /// A size or a count, from 1 to [`MAX_DIMENSION`].
    pub(super) fn size(&self, field: &str) -> Result<Option<usize>, ArchitectureError> {
        self.read(field, as_size, &size_range())
    }

    /// A size that may also be written as a list of one number or of two equal ones.
    pub(super) fn square(&self, field: &str) -> Result<Option<usize>, ArchitectureError> {
        let side = match self.get(field).and_then(Value::as_array).map(Vec::as_slice) {
            None => return self.size(field),
            Some([side]) => side,
            Some([height, width]) if height == width => height,
            Some(_) => {
                return Err(self.unsupported(field, "a square: one number, or two equal ones"));
            }
        };
        as_size(side).map(Some).ok_or_else(|| self.invalid(field, &size_range()))
    }

    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, ArchitectureError> {
        self.read(field, Value::as_f64, "a number")
    }

    pub(super) fn flag(&self, field: &str) -> Result<Option<bool>, ArchitectureError> {
        self.read(field, Value::as_bool, "true or false")
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, ArchitectureError> {
        self.read(field, Value::as_str, "a text")
    }

    /// Three numbers, one for each of R, G and B.
    pub(super) fn rgb(&self, field: &str) -> Result<Option<[f32; 3]>, ArchitectureError> {
        self.read(field, as_rgb, "a list of three numbers, for R, G and B")
    }

    /// The value of `field`, unless it is absent or `null`.
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// Every field that is neither absent nor `null`.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.map.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str())
    }

    pub(super) fn missing(&self, field: &str, expected: &'static str) -> ArchitectureError {
        ArchitectureError::Missing { field: self.path_of(field), expected }
    }

    pub(super) fn unsupported(&self, field: &str, supported: &'static str) -> ArchitectureError {
        let (field, value) = (self.path_of(field), self.shown(field));
        ArchitectureError::Unsupported { field, value, supported }
    }

    fn invalid(&self, field: &str, expected: &str) -> ArchitectureError {
        let (field, value) = (self.path_of(field), self.shown(field));
        ArchitectureError::Invalid { field, value, expected: expected.to_owned() }
    }

    fn read<'a, T>(
        &'a self,
        field: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, ArchitectureError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        convert(value).map(Some).ok_or_else(|| self.invalid(field, expected))
    }

    fn shown(&self, field: &str) -> String {
        self.map.get(field).unwrap_or(&Value::Null).to_string()
    }

    fn path_of(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }
}

fn size_range() -> String {
    format!("a whole number from 1 to {MAX_DIMENSION}")
}

fn as_size(value: &Value) -> Option<usize> {
    let size = usize::try_from(value.as_u64()?).ok()?;
    (1..=MAX_DIMENSION).contains(&size).then_some(size)
}

fn as_rgb(value: &Value) -> Option<[f32; 3]> {
    let numbers: Option<Vec<f32>> =
        value.as_array()?.iter().map(|number| Some(number.as_f64()? as f32)).collect();
    numbers?.try_into().ok()
}
