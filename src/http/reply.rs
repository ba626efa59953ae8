//! How embeddings are written: as JSON, as plain numbers or as a NumPy file, by the request's `Accept`.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytemuck::cast_slice;

use super::{
    passage::Passed,
    schema::{Embeddings, Failed},
};
use crate::{
    metrics::{self, Stage},
    model::Embedding,
    upload::OnError,
};

/// What an answer with embeddings is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The original's object.
    Json,
    /// `[n, e]` numbers in f32, little-endian, row-major.
    Floats,
    /// The same as NumPy's file format (`.npy`, version 1.0).
    Npy,
}

const FLOATS: &str = "application/octet-stream";
const NPY: &str = "application/x-npy";

/// Rows and columns of an answer that is not JSON.
const SHAPE: HeaderName = HeaderName::from_static("x-embedding-shape");
/// Type of its numbers.
const DTYPE: HeaderName = HeaderName::from_static("x-embedding-dtype");
/// Places of the inputs that failed, whose rows are NaN.
const FAILED: HeaderName = HeaderName::from_static("x-failed");

impl Format {
    /// The one that `Accept` gives the highest quality (RFC 9110, section 12.5.1); of several the first
    /// in the header, and JSON where nothing else is asked for by its name.
    pub fn wanted(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let mut best = (Self::Json, 0.);
        for range in lines.flat_map(|line| line.split(',')) {
            let (essence, quality) = with_quality(range);
            let format = match essence.to_ascii_lowercase().as_str() {
                FLOATS => Self::Floats,
                NPY => Self::Npy,
                "application/json" | "application/*" | "*/*" => Self::Json,
                _ => continue,
            };
            if quality > best.1 {
                best = (format, quality);
            }
        }
        best.0
    }
}

/// A media range without its parameters, and its quality.
fn with_quality(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let quality = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.))
    });
    (essence, quality.unwrap_or(1.))
}

/// The answer of the native protocol.
pub(super) fn write<C>(passed: Passed<C>, format: Format) -> Response {
    let writing = std::time::Instant::now();
    let times = passed.times;
    let mut response = match format {
        Format::Json => json(passed),
        Format::Floats | Format::Npy => numbers(passed, format),
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    times.tell(&mut response);
    metrics::stage(Stage::Write, writing.elapsed());
    response
}

fn json<C>(passed: Passed<C>) -> Response {
    let (mut embeddings, mut failed) = (Vec::with_capacity(passed.outcomes.len()), Vec::new());
    for (index, outcome) in passed.outcomes.into_iter().enumerate() {
        if let Err(error) = &outcome {
            failed.push(Failed { index, code: error.code(), detail: error.to_string() });
        }
        embeddings.push(outcome.ok());
    }
    let errors = (passed.on_error == OnError::Skip).then_some(failed);
    let (model_info, count) = (passed.embedder.info(), embeddings.len());
    axum::Json(Embeddings { embeddings, model_info, count, errors }).into_response()
}

fn numbers<C>(passed: Passed<C>, format: Format) -> Response {
    let columns = passed.embedder.architecture().embed_dim;
    let rows = passed.outcomes.len();
    let failed = passed.outcomes.iter().enumerate().filter(|(_, outcome)| outcome.is_err());
    let failed: Vec<_> = failed.map(|(index, _)| index.to_string()).collect();
    let mut body = match format {
        Format::Npy => npy_header(rows, columns),
        Format::Json | Format::Floats => Vec::new(),
    };
    body.reserve(rows * columns * size_of::<f32>());
    for outcome in passed.outcomes {
        body.extend(little_endian(&outcome.unwrap_or_else(|_| vec![f32::NAN; columns])));
    }
    let content_type = if format == Format::Npy { NPY } else { FLOATS };
    let mut response = ([(header::CONTENT_TYPE, content_type)], body).into_response();
    let headers = response.headers_mut();
    headers.insert(DTYPE, HeaderValue::from_static("float32"));
    headers.extend(HeaderValue::try_from(format!("{rows},{columns}")).ok().map(|s| (SHAPE, s)));
    if !failed.is_empty() {
        headers.extend(HeaderValue::try_from(failed.join(",")).ok().map(|f| (FAILED, f)));
    }
    response
}

/// The bytes of f32 numbers as every protocol here sends them.
pub(super) fn little_endian(embedding: &Embedding) -> Vec<u8> {
    if cfg!(target_endian = "little") {
        return cast_slice(embedding).to_vec();
    }
    embedding.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What stands before the numbers of a `.npy` file (NEP 1, version 1.0): its length is a multiple of 64.
fn npy_header(rows: usize, columns: usize) -> Vec<u8> {
    let dict =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let length = (10 + dict.len() + 1).next_multiple_of(64) - 10;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{dict:<width$}\n", width = length - 1).bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(accept: &[&'static str]) -> Format {
        let headers = accept.iter().map(|a| (header::ACCEPT, HeaderValue::from_static(a)));
        Format::wanted(&headers.collect())
    }

    #[test]
    fn the_highest_quality_wins_and_json_stands_in() {
        for (accept, format) in [
            (&[][..], Format::Json),
            (&["*/*"], Format::Json),
            (&["text/html"], Format::Json),
            (&["application/octet-stream"], Format::Floats),
            (&["Application/X-NPY"], Format::Npy),
            (&["application/x-npy;q=0.5, application/json"], Format::Json),
            (&["application/x-npy, application/json;q=0.9"], Format::Npy),
            (&["application/json;q=0.1", "application/octet-stream; q=0.2"], Format::Floats),
            (&["application/octet-stream;q=0"], Format::Json),
            (&["application/octet-stream;q=x"], Format::Json),
        ] {
            assert_eq!(wanted(accept), format, "{accept:?}");
        }
    }

    #[test]
    fn the_head_of_a_numpy_file_is_padded() {
        for (rows, columns) in [(0, 8), (1, 512), (256, 1024)] {
            let head = npy_header(rows, columns);
            assert_eq!(head.len() % 64, 0);
            assert_eq!(head.last(), Some(&b'\n'));
        }
    }
}
