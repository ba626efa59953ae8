//! JSON lines: an object for each record.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

use serde::Serialize;

use super::Writer;
use crate::{
    files::{Record, names::text},
    preprocess::PhotoFacts,
};

/// A record as an object. Without its embedding it is a line of the paths beside a NumPy file.
#[derive(Serialize)]
struct Line<'a> {
    path: String,
    #[serde(flatten)]
    facts: PhotoFacts,
    /// Size of the file.
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<&'a [f32]>,
}

/// Writes `record` as a line, with or without its embedding.
///
/// # Errors
/// When it cannot be written.
pub fn line(mut to: impl Write, record: &Record, with_embedding: bool) -> io::Result<()> {
    let line = Line {
        path: text(&record.path),
        facts: record.facts,
        bytes: record.stamp.bytes,
        embedding: with_embedding.then_some(&record.embedding),
    };
    serde_json::to_writer(&mut to, &line)?;
    to.write_all(b"\n")
}

pub(super) struct Jsonl(pub BufWriter<File>);

impl Writer for Jsonl {
    fn write(&mut self, record: &Record) -> io::Result<()> {
        line(&mut self.0, record, true)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}
