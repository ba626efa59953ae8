//! The files that are made of records.
//!
//! A file appears whole or not at all: it is written under another name beside its place, and moved
//! there when it is complete and on the disk. Each format is a [`Writer`].

mod jsonl;
mod npy;
mod parquet;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

pub use jsonl::line;

use super::Record;

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// NumPy's array file, float32 `[n, dim]`; paths and facts beside it in `FILE.paths.jsonl`.
    Npy,
    /// Parquet, with the columns path, width, height, bytes, hash and embedding.
    Parquet,
    /// JSON lines, an object for each record.
    Jsonl,
}

impl Format {
    /// All of them, by the extension of their files.
    pub const ALL: [(&'static str, Self); 3] =
        [("npy", Self::Npy), ("parquet", Self::Parquet), ("jsonl", Self::Jsonl)];

    /// The format called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, of)| of)
    }
}

/// What takes records one by one.
trait Writer {
    /// Takes the next one.
    fn write(&mut self, record: &Record) -> io::Result<()>;

    /// Writes what comes after the last one.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// `path` with something appended to its name: files that belong to it stand beside it.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Writes `count` records of `dim` numbers, in order, to `path`. What is there already is replaced
/// when all is written.
///
/// # Errors
/// When a record cannot be had or written; `path` is as it was then.
pub fn write(
    path: &Path,
    format: Format,
    [count, dim]: [usize; 2],
    records: impl IntoIterator<Item = io::Result<Record>>,
) -> io::Result<()> {
    let file = Pending::create(path)?;
    let paths = match format {
        Format::Npy => Some(Pending::create(&beside(path, ".paths.jsonl"))?),
        Format::Parquet | Format::Jsonl => None,
    };
    let mut writer: Box<dyn Writer> = match (format, &paths) {
        (Format::Npy, Some(paths)) => {
            Box::new(npy::Npy::begin(file.writer()?, paths.writer()?, [count, dim])?)
        }
        (Format::Parquet, _) => Box::new(parquet::Parquet::begin(file.writer()?, dim)?),
        (Format::Jsonl | Format::Npy, _) => Box::new(jsonl::Jsonl(file.writer()?)),
    };
    for record in records {
        writer.write(&record?)?;
    }
    writer.finish()?;
    if let Some(paths) = paths {
        // Between the two moves the old vectors would stand beside the new paths.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => paths.move_into_place()?,
        }
    }
    file.move_into_place()
}

/// A file that is written beside the place where it is wanted; removed if it does not get there.
#[derive(Debug)]
pub struct Pending {
    file: File,
    path: PathBuf,
    place: PathBuf,
    is_there: bool,
}

impl Pending {
    /// Begins the file that is to stand at `place`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(place: &Path) -> io::Result<Self> {
        let path = beside(place, ".new");
        let file = File::create(&path)?;
        Ok(Self { file, path, place: place.to_owned(), is_there: false })
    }

    /// A buffer before it.
    ///
    /// # Errors
    /// When the system has no descriptor for it.
    pub fn writer(&self) -> io::Result<BufWriter<File>> {
        Ok(BufWriter::with_capacity(1 << 18, self.file.try_clone()?))
    }

    /// Moves it to its place, once it is on the disk.
    ///
    /// # Errors
    /// When that fails.
    pub fn move_into_place(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.place)?;
        self.is_there = true;
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_there {
            // Whatever went wrong before is what is told.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests;
