//! Which models there are, what they are called, and where their weights come from.
//!
//! Every file of `models/` is embedded at compile time (`build.rs`), so that adding a model needs
//! no code. [`resolve`] turns the two names that a person gives, as open_clip accepts them, into a
//! [`ModelSpec`]; it touches neither network nor disk.

mod location;
mod model_file;
mod names;
mod spec;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use thiserror::Error;

use crate::model::architecture::{Activation, Architecture};
use location::Location;
use model_file::{Model, Tag};
pub use spec::{ActivationChoice, ConfigUse, ModelSpec, ServedModel, Source};

/// Name and text of every `models/*.json`.
const MODEL_FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/model_files.rs"));

/// The pretrained name of the seeded weights, which every architecture has.
pub const RANDOM: &str = "random";

/// Why a pair of names stands for no model that can be served.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// No architecture has this name.
    #[error(
        "no model is called `{name}`; the nearest are {}. A repository of the hub is written \
         hf-hub:ORG/REPO, a folder local-dir:PATH; a file of weights is given as the pretrained \
         name, beside the name of its architecture",
        nearest.join(", ")
    )]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The existing names closest to it, best first.
        nearest: Vec<String>,
    },
    /// The architecture exists, but has no such checkpoint.
    #[error(
        "{model} has no pretrained tag `{pretrained}`; the nearest are {}. \
         Its tags: {}, {RANDOM}{}",
        nearest.join(", "), tags.join(", "), models_that_have(elsewhere)
    )]
    UnknownPretrained {
        /// The architecture.
        model: String,
        /// The tag asked for.
        pretrained: String,
        /// The existing tags closest to it, best first.
        nearest: Vec<String>,
        /// Every tag of the architecture, sorted.
        tags: Vec<String>,
        /// Other architectures that do have this tag.
        elsewhere: Vec<String>,
    },
    /// A name with a scheme, or a path, that is not well formed.
    #[error("`{name}` cannot be used: {expected}")]
    MalformedName {
        /// The name given.
        name: String,
        /// What would be right.
        expected: &'static str,
    },
    /// Both names say where the weights are.
    #[error(
        "the model `{model}` brings its own weights, so the pretrained name `{pretrained}` cannot \
         apply; leave it out, or give the name of an architecture as the model"
    )]
    ConflictingSources {
        /// The model, a repository or a folder.
        model: String,
        /// The pretrained name, another source.
        pretrained: String,
    },
    /// The model's architecture is in a config that is not there.
    #[error(
        "`{model}` holds neither open_clip_config.json nor config.json, so its architecture is not \
         known; name the architecture as the model and give `{model}` as the pretrained name"
    )]
    MissingConfig {
        /// The model, a repository or a folder.
        model: String,
    },
    /// The weights belong to another architecture than the one named.
    #[error(
        "the weights of `{pretrained}` do not fit {model}: their config says {field} {found}, the \
         model has {named}; give the model that they were trained as"
    )]
    ConfigMismatch {
        /// The architecture named.
        model: String,
        /// Where the weights come from.
        pretrained: String,
        /// The dimension that differs.
        field: &'static str,
        /// Its value in the architecture.
        named: usize,
        /// Its value in the config beside the weights.
        found: usize,
    },
    /// A file of `models/` is broken, so this build has no registry.
    #[error("models/{file}: {reason}")]
    BrokenModelFile {
        /// The file's name.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl RegistryError {
    /// A stable label for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownModel { .. } => "unknown_model",
            Self::UnknownPretrained { .. } => "unknown_pretrained",
            Self::MalformedName { .. } => "malformed_model_name",
            Self::ConflictingSources { .. } => "conflicting_sources",
            Self::MissingConfig { .. } => "missing_model_config",
            Self::ConfigMismatch { .. } => "model_config_mismatch",
            Self::BrokenModelFile { .. } => "broken_model_file",
        }
    }
}

fn models_that_have(elsewhere: &[String]) -> String {
    if elsewhere.is_empty() {
        return String::new();
    }
    format!(". Models that have it: {}", elsewhere.join(", "))
}

/// The model that two names stand for, among those built in. See [`Registry::resolve`].
///
/// # Errors
/// [`RegistryError`], naming what exists.
pub fn resolve(model_name: &str, pretrained: &str) -> Result<ModelSpec, RegistryError> {
    Registry::builtin()?.resolve(model_name, pretrained)
}

/// Architectures and their pretrained tags, by name.
#[derive(Debug)]
pub struct Registry {
    /// By the name in lower case.
    models: BTreeMap<String, Model>,
}

impl Registry {
    /// The models of the folder `models/`, as it was when the program was built.
    ///
    /// # Errors
    /// [`RegistryError::BrokenModelFile`] if one of them is not sound.
    pub fn builtin() -> Result<&'static Self, RegistryError> {
        static BUILTIN: LazyLock<Result<Registry, RegistryError>> =
            LazyLock::new(|| Registry::from_files(MODEL_FILES));
        BUILTIN.as_ref().map_err(Clone::clone)
    }

    /// Reads model files, given as name (`ViT-B-32.json`) and text.
    ///
    /// # Errors
    /// [`RegistryError::BrokenModelFile`], naming the file.
    pub fn from_files(files: &[(&str, &str)]) -> Result<Self, RegistryError> {
        let mut models = BTreeMap::new();
        for (file, json) in files {
            let broken =
                |reason| RegistryError::BrokenModelFile { file: (*file).to_owned(), reason };
            let model = model_file::read(file, json).map_err(broken)?;
            let name = model.architecture.name.clone();
            if models.insert(names::model_key(&name), model).is_some() {
                return Err(broken(format!("another file has the name {name}, but for its case")));
            }
        }
        Ok(Self { models })
    }

    /// Every architecture with its tags, sorted by name.
    pub fn models(&self) -> impl Iterator<Item = (&Architecture, Vec<&str>)> {
        self.models.values().map(|model| (&model.architecture, tag_names(model)))
    }

    /// The model that two names stand for.
    ///
    /// `model_name` is an architecture (`ViT-B-32`, also `ViT-B/32`, in any case), or brings
    /// config and weights along as `hf-hub:ORG/REPO[@REVISION]` or `local-dir:PATH`; a tag as
    /// `pretrained` is then ignored, as open_clip does. Beside an architecture, `pretrained` is one
    /// of its tags (any case, `-` for `_`), [`RANDOM`], a repository or a folder as above, or the
    /// path of a `.safetensors`, `.bin`, `.pt` or `.pth` file.
    ///
    /// # Errors
    /// [`RegistryError`], naming what exists.
    pub fn resolve(&self, model_name: &str, pretrained: &str) -> Result<ModelSpec, RegistryError> {
        let (model_name, pretrained) = (model_name.trim(), pretrained.trim());
        if let Some(location) = Location::parse(model_name)? {
            return located(location, pretrained);
        }
        let model = self.model(model_name)?;
        if let Some(location) = Location::parse(pretrained)? {
            let shown = location.to_string();
            return Ok(spec::of_weights(model, shown, location.into(), ConfigUse::IfPresent));
        }
        if names::is_weights_file(pretrained) {
            let source = Source::File(PathBuf::from(pretrained));
            return Ok(spec::of_weights(model, pretrained.to_owned(), source, ConfigUse::Unused));
        }
        self.tagged(model, pretrained)
    }

    fn model(&self, name: &str) -> Result<&Model, RegistryError> {
        self.models.get(&names::model_key(name)).ok_or_else(|| {
            let known = self.models.values().map(|model| model.architecture.name.as_str());
            RegistryError::UnknownModel {
                name: name.to_owned(),
                nearest: names::nearest(name, known),
            }
        })
    }

    fn tagged(&self, model: &Model, pretrained: &str) -> Result<ModelSpec, RegistryError> {
        let key = names::tag_key(pretrained);
        if key == RANDOM {
            return Ok(spec::of_weights(model, key, Source::Seeded, ConfigUse::Unused));
        }
        match model.tags.get(&key) {
            Some(tag) => Ok(spec::of_tag(model, key, tag)),
            None if names::is_path(pretrained) => Err(RegistryError::MalformedName {
                name: pretrained.to_owned(),
                expected: "a file of weights ends in .safetensors, .bin, .pt or .pth; a repository \
                           of the hub is written hf-hub:ORG/REPO, a folder local-dir:PATH",
            }),
            None => Err(self.unknown_tag(model, pretrained)),
        }
    }

    fn unknown_tag(&self, model: &Model, pretrained: &str) -> RegistryError {
        let tags = tag_names(model);
        let key = names::tag_key(pretrained);
        let having = self.models.values().filter(|other| other.tags.contains_key(&key));
        RegistryError::UnknownPretrained {
            model: model.architecture.name.clone(),
            pretrained: pretrained.to_owned(),
            nearest: names::nearest(pretrained, tags.iter().copied().chain([RANDOM])),
            tags: tags.into_iter().map(str::to_owned).collect(),
            elsewhere: having.map(|other| other.architecture.name.clone()).collect(),
        }
    }
}

fn tag_names(model: &Model) -> Vec<&str> {
    model.tags.keys().map(String::as_str).collect()
}

/// A model name with a scheme. What is no tag beside it would be ignored only at the price of
/// serving other weights than were asked for.
fn located(location: Location, pretrained: &str) -> Result<ModelSpec, RegistryError> {
    let model = location.to_string();
    if spec::is_ignored(&model, pretrained) {
        return Ok(spec::of_location(model, location.into()));
    }
    Err(RegistryError::ConflictingSources { model, pretrained: pretrained.to_owned() })
}
