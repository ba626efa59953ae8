//! Photos that are compared with one another: embedded in this process and kept in memory, or read
//! from a file that `embed` has written.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{fail, in_process, progress::Progress, signals::Signals};
use crate::{
    config::Config,
    duplicates::{Quality, Vectors},
    embedder::Embedder,
    files::{Failures, Outcome, Record, Stamp, input, names::printable, run, walk::Walk},
    preprocess::PhotoFacts,
};

/// A photo without its vector.
#[derive(Clone, Debug)]
pub(super) struct Photo {
    pub path: PathBuf,
    pub stamp: Stamp,
    pub facts: PhotoFacts,
}

impl Photo {
    pub fn quality(&self) -> Quality {
        let PhotoFacts { width, height, .. } = self.facts;
        Quality { pixels: u64::from(width) * u64::from(height), bytes: self.stamp.bytes }
    }
}

/// Photos and their vectors, in one order, and what became of other files.
#[derive(Debug)]
pub(super) struct Photos {
    pub photos: Vec<Photo>,
    pub vectors: Vectors,
    pub failures: Failures,
    pub skipped: u64,
}

impl Photos {
    fn none(dim: usize) -> Self {
        let (photos, vectors) = (Vec::new(), Vectors::new(dim));
        Self { photos, vectors, failures: Failures::default(), skipped: 0 }
    }

    fn take(&mut self, record: Record) -> io::Result<()> {
        let Record { path, stamp, facts, embedding } = record;
        self.vectors.push(&embedding).map_err(io::Error::other)?;
        self.photos.push(Photo { path, stamp, facts });
        Ok(())
    }
}

/// Embeds the photos in `roots`. Where a signal ends it the status is that of the signal.
pub(super) fn embedded(config: &Config, roots: &[PathBuf]) -> Result<Photos, ExitCode> {
    let embedder = in_process::load(config)?;
    let most_bytes = config.limits.body_bytes as u64;
    in_process::block_on(collect(&embedder, roots, most_bytes))?
}

async fn collect(
    embedder: &Embedder,
    roots: &[PathBuf],
    most_bytes: u64,
) -> Result<Photos, ExitCode> {
    let signals = Signals::listen().map_err(|error| fail(&error))?;
    let mut photos = Photos::none(embedder.info().embedding_dim);
    let mut progress = Progress::begin(roots);
    let walk = Walk::new(roots.to_vec());
    run(embedder, walk, most_bytes, None, &signals.stop, |outcome| {
        match outcome {
            Outcome::Embedded(record) => {
                progress.counts.embedded += 1;
                photos.take(record)?;
            }
            Outcome::Failed(failure) => {
                progress.counts.failed += 1;
                if let Some(failure) = photos.failures.add(failure) {
                    progress.say(&failure.to_string());
                }
            }
            Outcome::Skipped => progress.counts.skipped += 1,
            Outcome::Known(_) | Outcome::Left => {}
        }
        progress.tell();
        Ok(())
    })
    .await
    .map_err(|error| fail(&error))?;
    photos.skipped = progress.counts.skipped;
    signals.end_at_once();
    signals.ended().map_or(Ok(photos), Err)
}

/// The photos of a file that `embed` has written.
pub(super) fn written(file: &Path) -> Result<Photos, ExitCode> {
    let failed = |error: &io::Error| fail(&format_args!("--from {}: {error}", printable(file)));
    let mut photos: Option<Photos> = None;
    for record in input::read(file).map_err(|error| failed(&error))? {
        let record = record.map_err(|error| failed(&error))?;
        let photos = photos.get_or_insert_with(|| Photos::none(record.embedding.len()));
        photos.take(record).map_err(|error| failed(&error))?;
    }
    Ok(photos.unwrap_or_else(|| Photos::none(1)))
}
