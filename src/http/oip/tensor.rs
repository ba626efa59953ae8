//! From a tensor, as the protocol carries it, to what is embedded. Bytes are parts of the body; what a
//! shape promises is checked before anything is made of it.

use bytes::{Buf, Bytes};

use super::{
    error::OipError,
    models::{OUTPUT, Served, Takes},
};
use crate::{
    http::rejection::Rejection,
    model::architecture::Architecture,
    upload::{Input, Limits, Photo, Tensor},
};

/// Reads the one input of a model.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Reader {
    pub served: &'static Served,
    /// Height and width of the model's square.
    size: usize,
    /// Most elements (`--max-images`).
    most: usize,
}

impl Reader {
    /// For requests within `limits` to a model of `architecture`.
    pub fn new(served: &'static Served, architecture: &Architecture, limits: &Limits) -> Self {
        Self { served, size: architecture.vision.image_size, most: limits.images }
    }

    /// Checks what a request says of its input, and gives the size of its batch, from 1 to the limit.
    ///
    /// # Errors
    /// [`OipError`] and [`Rejection::TooManyInputs`].
    pub fn batch(&self, name: &str, datatype: &str, shape: &[i64]) -> Result<usize, Rejection> {
        let Served { name: model, .. } = *self.served;
        let input = self.served.input();
        if name != input {
            let found = OipError::cut(name);
            return Err(OipError::UnknownInput { found, model, input }.into());
        }
        let expected = self.served.datatype();
        if datatype != expected {
            let found = OipError::cut(datatype);
            return Err(OipError::Datatype { model, input, expected, found }.into());
        }
        let size = self.size as i64;
        let batch = match (self.served.takes, shape) {
            (Takes::Pixels { .. }, &[batch, 3, height, width])
                if (height, width) == (size, size) =>
            {
                Some(batch)
            }
            (Takes::Files | Takes::Texts, &[batch] | &[batch, 1]) => Some(batch),
            _ => None,
        };
        match batch.and_then(|batch| usize::try_from(batch).ok()) {
            None | Some(0) => {
                let expected = match self.served.takes {
                    Takes::Pixels { .. } => format!("[N,3,{size},{size}]"),
                    Takes::Files | Takes::Texts => "[N] or [N,1]".to_owned(),
                };
                let found = format!("{shape:?}");
                Err(OipError::Shape { model, input, expected, found }.into())
            }
            Some(found) if found > self.most => {
                Err(Rejection::TooManyInputs { found, limit: self.most })
            }
            Some(batch) => Ok(batch),
        }
    }

    /// Refuses an output that the model has not.
    ///
    /// # Errors
    /// [`OipError::UnknownOutput`].
    pub fn check_output(&self, name: &str) -> Result<(), OipError> {
        if name == OUTPUT {
            return Ok(());
        }
        Err(OipError::UnknownOutput { found: OipError::cut(name), model: self.served.name })
    }

    /// What is wrong with so many inputs.
    pub fn input_count(&self, found: usize) -> OipError {
        OipError::InputCount { found, model: self.served.name, input: self.served.input() }
    }

    /// Numbers of `batch` elements.
    pub fn numbers(&self, batch: usize) -> usize {
        batch * 3 * self.size * self.size
    }

    /// The inputs of a batch whose bytes are `raw`: numbers in f32, little-endian, or elements of BYTES,
    /// each after its length in four bytes.
    ///
    /// # Errors
    /// [`OipError`].
    pub fn raw(&self, batch: usize, mut raw: Bytes) -> Result<Vec<Input>, OipError> {
        let Takes::Pixels { normalize } = self.served.takes else {
            return self.elements(batch, &split(&mut raw, batch).map_err(|w| self.data(w))?);
        };
        let expected = self.numbers(batch) * size_of::<f32>();
        if raw.len() != expected {
            let wrong = format!("has {} bytes, its shape and datatype take {expected}", raw.len());
            return Err(self.data(wrong));
        }
        let each = expected / batch;
        let squares = (0..batch).map(|_| raw.split_to(each));
        let inputs = squares.map(|numbers| Input::Tensor(Tensor { numbers, normalize }));
        Ok(inputs.collect())
    }

    /// The inputs of a batch of BYTES.
    ///
    /// # Errors
    /// [`OipError`].
    pub fn elements(&self, batch: usize, elements: &[Bytes]) -> Result<Vec<Input>, OipError> {
        if elements.len() != batch {
            let wrong = format!("has {} elements, its shape has {batch}", elements.len());
            return Err(self.data(wrong));
        }
        let input = |(index, bytes): (usize, &Bytes)| match self.served.takes {
            Takes::Texts => match str::from_utf8(bytes) {
                Ok(text) => Ok(Input::Text(text.to_owned())),
                Err(_) => Err(OipError::NotUtf8 { index }),
            },
            _ => Ok(Input::Photo(Photo::Bytes(bytes.clone()))),
        };
        elements.iter().enumerate().map(input).collect()
    }

    /// What is wrong with the elements of the input.
    pub fn data(&self, wrong: impl Into<String>) -> OipError {
        OipError::Data { input: self.served.input(), wrong: wrong.into() }
    }
}

/// The `batch` elements of BYTES that `raw` holds; or what is wrong with it.
fn split(raw: &mut Bytes, batch: usize) -> Result<Vec<Bytes>, String> {
    let mut elements = Vec::with_capacity(batch);
    for index in 0..batch {
        let Ok(length) = raw.try_get_u32_le() else {
            return Err(format!("ends before element {index} of {batch}"));
        };
        if raw.len() < length as usize {
            let left = raw.len();
            return Err(format!("says that element {index} has {length} bytes and has {left}"));
        }
        elements.push(raw.split_to(length as usize));
    }
    match raw.len() {
        0 => Ok(elements),
        left => Err(format!("has {left} bytes after its {batch} elements")),
    }
}
