//! What two names were resolved to, and, once a repository's config has been read, the model as it
//! is served: its architecture and the activation that runs.
//!
//! The activation follows the checkpoint unless it is forced. open_clip 2.29 and later follow the
//! model's name instead, so that `ViT-B-32` with the tag `openai` gives other vectors there.

use std::path::PathBuf;

use super::location::Location;
use super::{Activation, Architecture, Model, RANDOM, RegistryError, Tag, names};

/// Where the weights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A repository of the Hugging Face hub.
    Hub {
        /// `ORG/REPO`.
        repo: String,
        /// A branch, tag, commit or `refs/pr/N`; none means `main`.
        revision: Option<String>,
    },
    /// A folder laid out as such a repository.
    LocalDir(PathBuf),
    /// One file: safetensors, or a PyTorch state dict.
    File(PathBuf),
    /// Seeded pseudo-random numbers, made at start.
    Seeded,
}

/// What to do with the `open_clip_config.json` or `config.json` beside the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigUse {
    /// All is known: do not fetch it.
    Unused,
    /// The architecture is known; a config must agree, and says how the checkpoint was trained.
    IfPresent,
    /// It alone knows the architecture.
    Required,
}

/// The model that a pair of names stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// The model's name as `/model-info` shows it: an architecture's as in `models/`, or a
    /// repository or folder with its scheme.
    pub model_name: String,
    /// The name of the weights as `/model-info` shows it: a tag, `random`, a path, or a repository
    /// or folder with its scheme. Where the model brings its weights along, its name again.
    pub pretrained: String,
    /// Where the weights come from.
    pub source: Source,
    /// Whether [`Self::with_config`] wants the config that lies beside the weights.
    pub config: ConfigUse,
    named: Option<Architecture>,
    tag_activation: Option<Activation>,
}

/// A model whose architecture is known.
#[derive(Clone, Debug, PartialEq)]
pub struct ServedModel {
    /// The names and the source.
    pub spec: ModelSpec,
    /// Shape and preprocessing.
    pub architecture: Architecture,
    trained_with: Option<Activation>,
}

/// The activation that runs, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivationChoice {
    /// The activation that runs.
    pub activation: Activation,
    /// One sentence for the log.
    pub reason: String,
}

/// A tag of an architecture.
pub(super) fn of_tag(model: &Model, name: String, tag: &Tag) -> ModelSpec {
    let source = Source::Hub { repo: tag.repo.clone(), revision: tag.revision.clone() };
    let mut spec = of_weights(model, name, source, ConfigUse::Unused);
    spec.tag_activation = Some(Activation::from_quick_gelu(tag.quick_gelu));
    if let (Some(named), Some(preprocess)) = (&mut spec.named, tag.preprocess) {
        named.preprocess = preprocess;
    }
    spec
}

/// Weights of an architecture from elsewhere, shown as `pretrained`.
pub(super) fn of_weights(
    model: &Model,
    pretrained: String,
    source: Source,
    config: ConfigUse,
) -> ModelSpec {
    ModelSpec {
        model_name: model.architecture.name.clone(),
        pretrained,
        source,
        config,
        named: Some(model.architecture.clone()),
        tag_activation: None,
    }
}

/// A repository or a folder that brings everything along.
pub(super) fn of_location(name: String, source: Source) -> ModelSpec {
    ModelSpec {
        model_name: name.clone(),
        pretrained: name,
        source,
        config: ConfigUse::Required,
        named: None,
        tag_activation: None,
    }
}

/// Whether a pretrained name says nothing beside a model that brings its weights along: it is
/// absent, the model's own name, or a mere tag, which open_clip ignores.
pub(super) fn is_ignored(model: &str, pretrained: &str) -> bool {
    let is_tag = !pretrained.contains(':')
        && !names::is_path(pretrained)
        && names::tag_key(pretrained) != RANDOM;
    is_tag || pretrained_key(pretrained) == pretrained_key(model)
}

impl ModelSpec {
    /// The architecture, where the name says it; else it is known with the config.
    pub fn architecture(&self) -> Option<&Architecture> {
        self.named.as_ref()
    }

    /// Whether a request that names a model means this one. A name that is absent or blank means
    /// whatever is served; others are compared by the rules that [`super::resolve`] reads them by.
    /// Two names of the same weights are still two names.
    pub fn matches(&self, model_name: Option<&str>, pretrained: Option<&str>) -> bool {
        let (model, pretrained) = (given(model_name), given(pretrained));
        let same_model = model.is_none_or(|name| model_key(name) == model_key(&self.model_name));
        let brings_weights = self.named.is_none() && model.is_some();
        let same_weights = pretrained.is_none_or(|name| {
            pretrained_key(name) == pretrained_key(&self.pretrained)
                || brings_weights && is_ignored(&self.model_name, name)
        });
        same_model && same_weights
    }

    /// Completes the description with the config that lies beside the weights, if there is one
    /// ([`Self::config`] says whether it is wanted).
    ///
    /// # Errors
    /// [`RegistryError::MissingConfig`] if the config alone knows the architecture;
    /// [`RegistryError::ConfigMismatch`] if it is that of another architecture than the one named.
    pub fn with_config(self, config: Option<Architecture>) -> Result<ServedModel, RegistryError> {
        let config = config.filter(|_| self.config != ConfigUse::Unused);
        let trained_with = config.as_ref().map(|config| config.activation).or(self.tag_activation);
        let architecture = match (self.named.clone(), config) {
            (Some(named), Some(config)) => self.agreed(named, config)?,
            (Some(named), None) => named,
            (None, Some(config)) => Architecture { name: self.model_name.clone(), ..config },
            (None, None) => {
                return Err(RegistryError::MissingConfig { model: self.model_name });
            }
        };
        Ok(ServedModel { spec: self, architecture, trained_with })
    }

    /// The named architecture, with what the config knows of the checkpoint's training.
    fn agreed(
        &self,
        named: Architecture,
        config: Architecture,
    ) -> Result<Architecture, RegistryError> {
        let sizes = dimensions(&named).into_iter().zip(dimensions(&config));
        for ((field, named_size), (_, found)) in sizes {
            if named_size != found {
                return Err(RegistryError::ConfigMismatch {
                    model: named.name,
                    pretrained: self.pretrained.clone(),
                    field,
                    named: named_size,
                    found,
                });
            }
        }
        let Architecture { name, activation, .. } = named;
        Ok(Architecture { name, activation, ..config })
    }
}

impl ServedModel {
    /// The activation that runs: the forced one; else QuickGELU if the named architecture always
    /// has it; else what the checkpoint was trained with; and where nothing says so, the
    /// architecture's own.
    pub fn activation(&self, forced: Option<Activation>) -> ActivationChoice {
        let automatic = self.automatic_activation();
        let Some(activation) = forced else { return automatic };
        let link = if activation == automatic.activation { "as" } else { "although" };
        let reason = format!("forced to {activation}, {link} {}", automatic.reason);
        ActivationChoice { activation, reason }
    }

    fn automatic_activation(&self) -> ActivationChoice {
        let Architecture { name, activation: own, .. } = &self.architecture;
        let weights = &self.spec.pretrained;
        if *own == Activation::QuickGelu && self.spec.named.is_some() {
            let reason = format!("the model {name} always runs {own}");
            return ActivationChoice { activation: *own, reason };
        }
        let Some(activation) = self.trained_with else {
            let reason = format!("the model {name} runs {own}, and {weights} says nothing else");
            return ActivationChoice { activation: *own, reason };
        };
        let mut reason = format!("the checkpoint {weights} was trained with {activation}");
        if activation != *own && self.spec.tag_activation.is_some() {
            reason += &format!(
                "; open_clip 2.29 and later run {name} with {own}, so force {own} for an index \
                 that they filled"
            );
        }
        ActivationChoice { activation, reason }
    }
}

fn dimensions(architecture: &Architecture) -> [(&'static str, usize); 7] {
    let vision = &architecture.vision;
    [
        ("embed_dim", architecture.embed_dim),
        ("image_size", vision.image_size),
        ("patch_size", vision.patch_size),
        ("width", vision.width),
        ("layers", vision.layers),
        ("heads", vision.heads),
        ("mlp_width", vision.mlp_width),
    ]
}

fn given(name: Option<&str>) -> Option<&str> {
    name.map(str::trim).filter(|name| !name.is_empty())
}

fn model_key(name: &str) -> String {
    location_key(name).unwrap_or_else(|| names::model_key(name))
}

fn pretrained_key(name: &str) -> String {
    location_key(name).unwrap_or_else(|| {
        if names::is_path(name) { name.to_owned() } else { names::tag_key(name) }
    })
}

fn location_key(name: &str) -> Option<String> {
    Location::parse(name).ok().flatten().map(|location| location.to_string())
}
