//! One file on its way: looked at, read when there is memory for it, decoded, embedded.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    failures::Failure,
    journal::Journal,
    record::{Record, Stamp},
    run::Outcome,
};
use crate::{
    batcher::BatchError,
    embedder::{Embedder, Length, PhotoError, Ready},
    preprocess::{Format, ImageError},
    upload::Photo,
};

/// What a file may be, and what is known already.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Largest file, in bytes.
    pub most_bytes: u64,
    /// What was embedded before.
    pub known: Option<Arc<Journal>>,
}

/// Bytes in which each format shows itself.
const HEAD: usize = 12;

/// A file after the first look.
enum Looked {
    /// Its beginning is that of an image.
    Image { file: File, head: Vec<u8>, stamp: Stamp },
    /// It is not.
    Other { head: Vec<u8> },
    /// It is the one that was embedded before.
    Known(u64),
}

/// Why there is no record.
enum Missing {
    /// The file is none that can be embedded, or cannot be read.
    Failed(&'static str, String),
    /// It needs no work.
    Known(u64),
    /// It is no image, and nobody has said that it is.
    NoImage,
    /// The model's threads have ended.
    Stopped,
}

impl From<io::Error> for Missing {
    fn from(error: io::Error) -> Self {
        Self::Failed("unreadable", error.to_string())
    }
}

impl From<PhotoError> for Missing {
    fn from(error: PhotoError) -> Self {
        Self::Failed(error.code(), error.to_string())
    }
}

/// Embeds the file at `path`.
pub(super) async fn embed(
    embedder: &Embedder,
    path: PathBuf,
    named: bool,
    rules: &Rules,
) -> Outcome {
    match record(embedder, &path, named, rules).await {
        Ok(record) => Outcome::Embedded(record),
        Err(Missing::Known(place)) => Outcome::Known(place),
        Err(Missing::NoImage) => Outcome::Skipped,
        Err(Missing::Stopped) => Outcome::Left,
        Err(Missing::Failed(code, detail)) => Outcome::Failed(Failure { path, code, detail }),
    }
}

async fn record(
    embedder: &Embedder,
    path: &Path,
    named: bool,
    rules: &Rules,
) -> Result<Record, Missing> {
    let (file, head, stamp) = match look(path, rules).await? {
        Looked::Image { file, head, stamp } => (file, head, stamp),
        Looked::Known(place) => return Err(Missing::Known(place)),
        Looked::Other { head } if named => {
            let error = ImageError::unknown(&head);
            return Err(Missing::Failed(error.code(), error.to_string()));
        }
        Looked::Other { .. } => return Err(Missing::NoImage),
    };
    if stamp.bytes > rules.most_bytes {
        let Stamp { bytes, .. } = stamp;
        let limit = rules.most_bytes;
        let detail = format!("the file has {bytes} bytes, more than {limit} (--max-body-bytes)");
        return Err(Missing::Failed("file_too_large", detail));
    }
    let refused = |refusal: &dyn std::fmt::Display| Missing::Failed("busy", refusal.to_string());
    let admission = embedder.admission();
    let mut visit = admission.enter(Some(stamp.bytes)).await.map_err(|error| refused(&error))?;
    let bytes = read(file, head, stamp.bytes).await?;
    let memory = visit.read(bytes.len());
    let places = visit.admit(1).await.map_err(|error| refused(&error))?;
    let photos = vec![Photo::Bytes(bytes).into()];
    let prepared = embedder.prepare(photos, memory, true, true).await;
    let prepared = prepared.map_err(|error| refused(&error))?;
    let Some(prepared) = prepared.into_iter().next() else { return Err(Missing::Stopped) };
    let Ready { item, facts, .. } = prepared?;
    // They were asked for.
    let Some(facts) = facts else { return Err(Missing::Stopped) };
    let embedded = embedder.embed(vec![item], places, visit.left(), Length::Unit).await;
    let embedding = match embedded.map(|embedded| embedded.embeddings.into_iter().next()) {
        Ok(Some(embedding)) => embedding,
        Ok(None) | Err(BatchError::Stopped) => return Err(Missing::Stopped),
        Err(error @ BatchError::Model) => {
            return Err(Missing::Failed("model_failed", error.to_string()));
        }
        Err(error @ BatchError::Late) => return Err(refused(&error)),
    };
    Ok(Record { path: path.to_owned(), stamp, facts, embedding })
}

/// Does what may wait for a disk where nobody waits for it.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

async fn look(path: &Path, rules: &Rules) -> io::Result<Looked> {
    let (path, known) = (path.to_owned(), rules.known.clone());
    aside(move || {
        let is_known = |metadata: &Metadata| known?.find(&path, Stamp::from(metadata));
        let mut file = File::open(&path)?;
        let metadata = file.metadata()?;
        if let Some(place) = is_known(&metadata) {
            return Ok(Looked::Known(place));
        }
        let mut head = Vec::with_capacity(HEAD);
        (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
        Ok(match Format::detect(&head) {
            Some(_) => Looked::Image { file, head, stamp: Stamp::from(&metadata) },
            None => Looked::Other { head },
        })
    })
    .await
}

/// The whole of `file`, of which `head` was read. What was appended to it meanwhile is left.
async fn read(file: File, head: Vec<u8>, bytes: u64) -> io::Result<Bytes> {
    aside(move || {
        let mut all = Vec::with_capacity(usize::try_from(bytes).unwrap_or(usize::MAX));
        all.extend(&head);
        file.take(bytes.saturating_sub(head.len() as u64)).read_to_end(&mut all)?;
        Ok(Bytes::from(all))
    })
    .await
}
