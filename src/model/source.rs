//! Finds the files of a model: a checkpoint and, where the architecture is not known yet, the
//! config beside it, in a repository of the hub, a folder, or as one file.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    ModelError,
    architecture::{Architecture, ArchitectureError},
    hub::{Hub, HubError, Repo},
    registry::{ConfigUse, ModelSpec, ServedModel, Source},
    text_encoder::TextError,
};

/// Checkpoints of a repository, best first: safetensors with open_clip's names, with Hugging Face's,
/// and pickles of the same.
const CHECKPOINTS: [&str; 4] = [
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
    "pytorch_model.bin",
];

/// open_clip's config, which also knows the preprocessing.
const OPEN_CLIP_CONFIG: &str = "open_clip_config.json";

/// Hugging Face's config.
const HUGGING_FACE_CONFIG: &str = "config.json";

/// Vocabularies of a repository, best first.
const VOCABULARIES: [&str; 2] = ["tokenizer.json", "merges.txt"];

/// Revision of a repository where none is named.
const DEFAULT_REVISION: &str = "main";

/// Why the files beside one another make no model.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder has no checkpoint.
    #[error("{}: no checkpoint in this folder; expected one of {}", .0.display(), CHECKPOINTS.join(", "))]
    NoCheckpoint(PathBuf),
    /// A config cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A config is there, but what it describes cannot be served.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: ArchitectureError,
    },
}

/// The model of `spec` with its architecture, and the path of its checkpoint, which seeded weights
/// have not.
///
/// # Errors
/// [`ModelError`] when a file cannot be had or a config cannot be served.
pub fn find(spec: ModelSpec) -> Result<(ServedModel, Option<PathBuf>), ModelError> {
    let (config, checkpoint) = match &spec.source {
        Source::Seeded => (None, None),
        Source::File(path) => (None, Some(path.clone())),
        Source::LocalDir(folder) => {
            let get = |name: &str| Ok(folder.join(name)).map(|path| path.is_file().then_some(path));
            let config = config(&spec, get)?;
            let checkpoints = CHECKPOINTS.iter().map(|name| folder.join(name));
            let checkpoint = checkpoints.into_iter().find(|path| path.is_file());
            (config, Some(checkpoint.ok_or_else(|| SourceError::NoCheckpoint(folder.clone()))?))
        }
        Source::Hub { repo, revision } => {
            let hub = Hub::from_env(|name| std::env::var(name).ok())?;
            let repo = hub.repo(repo, revision.as_deref().unwrap_or(DEFAULT_REVISION))?;
            let config = config(&spec, |name| if_there(&repo, name))?;
            (config, Some(repo.first_of(&CHECKPOINTS)?.0))
        }
    };
    Ok((spec.with_config(config)?, checkpoint))
}

/// The vocabulary that a model brings along; none where it is CLIP's own, as that of every tag.
///
/// # Errors
/// [`ModelError`] when the hub cannot say whether there is one.
pub fn vocabulary(spec: &ModelSpec) -> Result<Option<PathBuf>, ModelError> {
    match &spec.source {
        Source::LocalDir(folder) => {
            let paths = VOCABULARIES.iter().map(|name| folder.join(name));
            Ok(paths.into_iter().find(|path| path.is_file()))
        }
        Source::Hub { repo, revision } if spec.config == ConfigUse::Required => {
            let hub = Hub::from_env(|name| std::env::var(name).ok())?;
            let repo = hub.repo(repo, revision.as_deref().unwrap_or(DEFAULT_REVISION))?;
            match repo.first_of(&VOCABULARIES) {
                Ok((path, _)) => Ok(Some(path)),
                Err(HubError::FileNotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        Source::Hub { .. } | Source::File(_) | Source::Seeded => Ok(None),
    }
}

/// The config that `get` finds, if `spec` has a use for one.
fn config(
    spec: &ModelSpec,
    get: impl Fn(&str) -> Result<Option<PathBuf>, HubError>,
) -> Result<Option<Architecture>, ModelError> {
    if spec.config == ConfigUse::Unused {
        return Ok(None);
    }
    let name = &spec.model_name;
    if let Some(path) = get(OPEN_CLIP_CONFIG)? {
        let read = |json: &str| Architecture::from_open_clip_config(name, json);
        return Ok(Some(parse(&path, read)?));
    }
    match get(HUGGING_FACE_CONFIG)? {
        Some(path) => Ok(Some(parse(&path, |json| Architecture::from_hf_config(name, json))?)),
        None => Ok(None),
    }
}

fn if_there(repo: &Repo<'_>, name: &str) -> Result<Option<PathBuf>, HubError> {
    match repo.get(name) {
        Err(HubError::FileNotFound(_)) => Ok(None),
        found => found.map(Some),
    }
}

fn parse(
    path: &Path,
    read: impl Fn(&str) -> Result<Architecture, ArchitectureError>,
) -> Result<Architecture, SourceError> {
    let json = std::fs::read_to_string(path)
        .map_err(|reason| SourceError::Unreadable { path: path.to_owned(), reason })?;
    read(&json).map_err(|reason| SourceError::Config { path: path.to_owned(), reason })
}

/// A file of weights, as it was when the model was loaded.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    pub path: PathBuf,
    /// Its size and when it was last written.
    was: Option<(u64, SystemTime)>,
}

impl CheckpointFile {
    pub fn at(path: PathBuf) -> Self {
        let was = Self::state(&path);
        Self { path, was }
    }

    fn state(path: &Path) -> Option<(u64, SystemTime)> {
        let metadata = path.metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    }

    /// Refuses a file that is another now: its text tower would not fit the images of this one.
    pub fn check(&self) -> Result<(), TextError> {
        if Self::state(&self.path) == self.was {
            return Ok(());
        }
        Err(TextError::Replaced { path: self.path.clone() })
    }
}
