//! The journal of a run: what was embedded, written as it comes, so that a run that was interrupted,
//! by whatever, goes on where it stopped.
//!
//! A line that says which model made the vectors, then records, each with its length and checksum.
//! What a crash has left half written is cut off when the journal is opened. One process has it at a
//! time. In memory a record has 16 bytes: a hash of its path, and its place.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::record::{Record, Stamp, key};

/// What the records of a journal have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What the file is, and the form of its records.
    pub journal: String,
    /// The model and how it computes, as text: vectors of two must not meet.
    pub model: String,
    /// Numbers of a vector.
    pub dim: usize,
}

impl Origin {
    /// That of records as they are written now.
    pub fn new(model: String, dim: usize) -> Self {
        Self { journal: "inference-service embed 1".to_owned(), model, dim }
    }
}

/// Why there is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refuses it.
    #[error("{path}: {error}")]
    File {
        /// The journal.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// Another process has it.
    #[error("{0} is in use: another run writes the same output; wait for it, or choose another")]
    InUse(String),
    /// A file of that name is something else.
    #[error("{0} is no journal of this program: move it away, or choose another output")]
    NoJournal(String),
    /// It was written by another model.
    #[error(
        "{path} is the journal of a run with {found}, and this one has {wanted}: their vectors must \
         not meet; choose another output, or start anew with --restart"
    )]
    OtherModel {
        /// The journal.
        path: String,
        /// The model that wrote it.
        found: String,
        /// That of this run.
        wanted: String,
    },
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    dim: usize,
    /// Places by the keys of their paths: what was there when it was opened.
    known: HashMap<u64, u64>,
    /// Where the next record goes.
    end: Mutex<End>,
}

#[derive(Debug)]
struct End {
    place: u64,
    /// Kept from record to record.
    bytes: Vec<u8>,
}

/// Bytes before each record: its length and its checksum.
const FRAME: usize = 8;

/// A longer record than that is damage: a path has at most 4096 bytes, and a vector some thousand
/// numbers.
const LONGEST: usize = 1 << 24;

impl Journal {
    /// Opens the journal at `path`, or begins one, also where `anew` says so.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, origin: &Origin, anew: bool) -> Result<Self, JournalError> {
        let name = || path.display().to_string();
        let failed = |error| JournalError::File { path: name(), error };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(name())),
            // Where a file system has no locks, whoever starts two runs must know.
            Err(TryLockError::Error(_)) | Ok(()) => {}
        }
        let first = first_line(&mut file).map_err(failed)?;
        // Also a beginning that was cut off.
        if !first.starts_with(START) && !START.starts_with(&first) {
            return Err(JournalError::NoJournal(name()));
        }
        let (place, known) = match first.strip_suffix(b"\n") {
            Some(line) if !anew => {
                let found: Origin =
                    serde_json::from_slice(line).map_err(|_| JournalError::NoJournal(name()))?;
                if found.journal != origin.journal {
                    return Err(JournalError::NoJournal(name()));
                }
                if found != *origin {
                    let (found, wanted) = (found.model, origin.model.clone());
                    return Err(JournalError::OtherModel { path: name(), found, wanted });
                }
                scan(&file, first.len() as u64, origin.dim).map_err(failed)?
            }
            // Nothing, or a first line that was cut off, or one that is not wanted any more.
            _ => (begin(&file, origin).map_err(failed)?, HashMap::new()),
        };
        let end = Mutex::new(End { place, bytes: Vec::new() });
        Ok(Self { path: path.to_owned(), file, dim: origin.dim, known, end })
    }

    /// How many paths it had when it was opened.
    pub fn known(&self) -> usize {
        self.known.len()
    }

    /// The place of the record of the file at `path`, if it was there when the journal was opened and
    /// the file has not changed since.
    pub fn find(&self, path: &Path, stamp: Stamp) -> Option<u64> {
        let place = *self.known.get(&key(path))?;
        let record = self.read(place).ok()?;
        (record.path == path && record.stamp == stamp).then_some(place)
    }

    /// Adds a record, and gives its place. It outlives this process from then on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&self, record: &Record) -> io::Result<u64> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let End { place, bytes } = &mut *end;
        bytes.clear();
        bytes.extend([0; FRAME]);
        record.encode(bytes);
        let length = u32::try_from(bytes.len() - FRAME).map_err(io::Error::other)?;
        let checksum = checksum(&bytes[FRAME..]);
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..FRAME].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(bytes, *place)?;
        let at = *place;
        *place += bytes.len() as u64;
        Ok(at)
    }

    /// The record at `place`.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn read(&self, place: u64) -> io::Result<Record> {
        let mut frame = [0; FRAME];
        self.file.read_exact_at(&mut frame, place)?;
        let (length, expected) = split(frame);
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a record is damaged");
        if length > LONGEST {
            return Err(damaged());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, place + FRAME as u64)?;
        let record = (checksum(&bytes) == expected).then(|| Record::decode(&bytes, self.dim));
        record.flatten().ok_or_else(damaged)
    }

    /// Removes it, when it is not needed any more.
    ///
    /// # Errors
    /// When the system refuses that.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// How the first line of a journal begins.
const START: &[u8] = b"{\"journal\":";

/// The longest first line that is read.
const LONGEST_LINE: u64 = 1 << 16;

fn first_line(file: &mut File) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    BufReader::new(file.take(LONGEST_LINE)).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Empties `file` and writes its first line; gives its length.
fn begin(mut file: &File, origin: &Origin) -> io::Result<u64> {
    let mut line = serde_json::to_vec(origin).map_err(io::Error::other)?;
    line.push(b'\n');
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&line)?;
    Ok(line.len() as u64)
}

/// The places of all records from `first` on, by the keys of their paths, and where they end; cuts off
/// what comes after the last good one.
fn scan(mut file: &File, first: u64, dim: usize) -> io::Result<(u64, HashMap<u64, u64>)> {
    let (mut place, mut known) = (first, HashMap::new());
    file.seek(SeekFrom::Start(place))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut bytes = Vec::new();
    while let Some(record) = next(&mut reader, &mut bytes, dim)? {
        known.insert(key(&record.path), place);
        place += (FRAME + bytes.len()) as u64;
    }
    file.set_len(place)?;
    Ok((place, known))
}

/// The next good record; none at the end, or where there is damage.
fn next(reader: &mut impl Read, bytes: &mut Vec<u8>, dim: usize) -> io::Result<Option<Record>> {
    bytes.clear();
    reader.take(FRAME as u64).read_to_end(bytes)?;
    let Some(&frame) = bytes.first_chunk() else { return Ok(None) };
    let (length, expected) = split(frame);
    if length > LONGEST {
        return Ok(None);
    }
    bytes.clear();
    reader.take(length as u64).read_to_end(bytes)?;
    if bytes.len() < length || checksum(bytes) != expected {
        return Ok(None);
    }
    Ok(Record::decode(bytes, dim))
}

fn split(frame: [u8; FRAME]) -> (usize, u32) {
    let [a, b, c, d, checksum @ ..] = frame;
    (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes(checksum))
}

/// CRC-32.
fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests;
