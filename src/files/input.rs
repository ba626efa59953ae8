//! Records of a file that was written by [`output`](super::output), read one by one: JSON lines, or a
//! NumPy file with the paths beside it.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Record, Stamp,
    output::{Format, beside},
};
use crate::preprocess::PhotoFacts;

/// Records, as far as they can be read.
pub type Records = Box<dyn Iterator<Item = io::Result<Record>>>;

/// Opens `path`, whose name says its format.
///
/// # Errors
/// When it cannot be read, or is of a format that is only written.
pub fn read(path: &Path) -> io::Result<Records> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.and_then(Format::named) {
        Some(Format::Jsonl) => Ok(Box::new(lines(path)?.map(|line| line?.record(None)))),
        Some(Format::Npy) => npy(path),
        _ => Err(invalid("use a .jsonl file, or an .npy file with its .paths.jsonl beside it")),
    }
}

/// A line of either kind.
#[derive(Deserialize)]
struct Line {
    path: String,
    width: u32,
    height: u32,
    hash: String,
    bytes: u64,
    embedding: Option<Vec<f32>>,
}

impl Line {
    fn record(self, embedding: Option<Vec<f32>>) -> io::Result<Record> {
        let embedding = self.embedding.or(embedding).filter(|embedding| !embedding.is_empty());
        Ok(Record {
            path: PathBuf::from(self.path),
            // When the file was changed is not written down, and nobody asks.
            stamp: Stamp { bytes: self.bytes, modified: 0 },
            facts: PhotoFacts {
                width: self.width,
                height: self.height,
                hash: self.hash.parse().map_err(invalid)?,
            },
            embedding: embedding.ok_or_else(|| invalid("a line has no embedding"))?,
        })
    }
}

fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Line>> + use<>> {
    let lines = BufReader::new(File::open(path)?).lines();
    Ok(lines.enumerate().map(|(at, line)| {
        serde_json::from_str(&line?).map_err(|error| invalid(format!("line {}: {error}", at + 1)))
    }))
}

fn npy(path: &Path) -> io::Result<Records> {
    let mut numbers = BufReader::new(File::open(path)?);
    let [count, dim] = shape(&mut numbers)?;
    let beside = beside(path, ".paths.jsonl");
    let lines = lines(&beside)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", beside.display())))?;
    let mut bytes = vec![0; dim.checked_mul(4).ok_or_else(|| invalid("too many columns"))?];
    let mut left = count;
    let record = move |line: io::Result<Line>| {
        left = left.checked_sub(1).ok_or_else(|| invalid("more paths than vectors"))?;
        numbers.read_exact(&mut bytes)?;
        let (numbers, _) = bytes.as_chunks();
        line?.record(Some(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()))
    };
    Ok(Box::new(lines.map(record)))
}

/// Rows and columns, from the head of a NumPy file of little-endian float32.
fn shape(file: &mut impl Read) -> io::Result<[usize; 2]> {
    let mut start = [0; 10];
    file.read_exact(&mut start)?;
    let [magic @ .., major, _, low, high] = start;
    if magic != *b"\x93NUMPY" || major != 1 {
        return Err(invalid("no NumPy file of version 1"));
    }
    let mut head = vec![0; u16::from_le_bytes([low, high]).into()];
    file.read_exact(&mut head)?;
    let head = String::from_utf8_lossy(&head);
    if !head.contains("'<f4'") || head.contains("'fortran_order': True") {
        return Err(invalid("no array of little-endian float32 in rows"));
    }
    let shape = head.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let sides: Vec<usize> = shape.map_or(Vec::new(), |(sides, _)| {
        sides.split(',').filter_map(|side| side.trim().parse().ok()).collect()
    });
    sides.try_into().map_err(|_| invalid("no array of rows and columns"))
}

fn invalid(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
