//! Reads one file of `models/`: an architecture and its pretrained tags (`models/README.md`
//! describes each field).
//!
//! Nothing is guessed: an unknown field, a missing one, a tag that stands twice or dimensions that
//! do not fit together are errors.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{RANDOM, location, names};
use crate::model::architecture::{
    Activation, Architecture, PreprocessConfig, TextConfig, VisionConfig, heads, mlp_width,
};

/// An architecture and its pretrained tags.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) architecture: Architecture,
    pub(super) tags: BTreeMap<String, Tag>,
}

/// A published checkpoint.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tag {
    /// `ORG/REPO` on the hub.
    pub(super) repo: String,
    /// A branch, tag or commit of it; none for the repository's newest.
    pub(super) revision: Option<String>,
    /// Whether it was trained with QuickGELU.
    pub(super) quick_gelu: bool,
    /// Where this checkpoint alone was trained with other preprocessing.
    pub(super) preprocess: Option<PreprocessConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    name: String,
    embed_dim: usize,
    activation: Activation,
    vision: VisionTower,
    text: TextTower,
    preprocess: PreprocessConfig,
    #[serde(deserialize_with = "each_tag_once")]
    pretrained: BTreeMap<String, Tag>,
}

/// In the terms of open_clip's `vision_cfg`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VisionTower {
    image_size: usize,
    patch_size: usize,
    width: usize,
    layers: usize,
    head_width: usize,
    mlp_ratio: f64,
    layer_norm_eps: f64,
}

/// In the terms of open_clip's `text_cfg`; what it leaves out there has the defaults of `CLIPTextCfg`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextTower {
    context_length: usize,
    vocab_size: usize,
    width: usize,
    heads: usize,
    layers: usize,
}

/// Reads the file called `file`; the error says what is wrong inside it.
pub(super) fn read(file: &str, json: &str) -> Result<Model, String> {
    let parsed: ModelFile = serde_json::from_str(json).map_err(|error| error.to_string())?;
    check_name(&parsed.name, file)?;
    for (name, tag) in &parsed.pretrained {
        let checked = check_tag(name, tag).and_then(|()| check_training(parsed.activation, tag));
        checked.map_err(|reason| format!("pretrained tag `{name}`: {reason}"))?;
    }
    let architecture = Architecture {
        name: parsed.name,
        embed_dim: parsed.embed_dim,
        vision: parsed.vision.into_config()?,
        text: Some(parsed.text.into_config()),
        activation: parsed.activation,
        preprocess: parsed.preprocess,
    };
    architecture.validate().map_err(|error| error.to_string())?;
    Ok(Model { architecture, tags: parsed.pretrained })
}

impl VisionTower {
    fn into_config(self) -> Result<VisionConfig, String> {
        if self.head_width == 0 {
            return Err("`vision.head_width` is 0".to_owned());
        }
        Ok(VisionConfig {
            image_size: self.image_size,
            patch_size: self.patch_size,
            width: self.width,
            layers: self.layers,
            heads: heads(self.width, self.head_width),
            mlp_width: mlp_width(self.width, self.mlp_ratio),
            layer_norm_eps: self.layer_norm_eps,
        })
    }
}

impl TextTower {
    fn into_config(self) -> TextConfig {
        TextConfig {
            context_length: self.context_length,
            vocab_size: self.vocab_size,
            width: self.width,
            heads: self.heads,
            layers: self.layers,
            mlp_width: mlp_width(self.width, 4.0),
            layer_norm_eps: 1e-5,
        }
    }
}

fn check_name(name: &str, file: &str) -> Result<(), String> {
    if file != format!("{name}.json") {
        return Err(format!("the name is `{name}`, so the file must be called {name}.json"));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if !name.bytes().all(plain) {
        return Err(format!("the name `{name}` may hold letters, digits, `-`, `_` and `.`"));
    }
    Ok(())
}

fn check_tag(name: &str, tag: &Tag) -> Result<(), String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if name.is_empty() || name != names::tag_key(name) || !name.bytes().all(plain) {
        return Err("a tag is of lower-case letters, digits and `_`".to_owned());
    }
    if name == RANDOM {
        return Err("the name is that of the seeded weights".to_owned());
    }
    if !location::is_repo(&tag.repo) {
        return Err(format!("`{}` is no repository of the hub: ORG/REPO", tag.repo));
    }
    if let Some(revision) = tag.revision.as_deref().filter(|text| !location::is_revision(text)) {
        return Err(format!("`{revision}` is no branch, tag or commit"));
    }
    match tag.preprocess {
        Some(preprocess) => preprocess.validate().map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// A name that says QuickGELU always runs it, so that it must not lead to a checkpoint without.
fn check_training(activation: Activation, tag: &Tag) -> Result<(), String> {
    if activation == Activation::QuickGelu && !tag.quick_gelu {
        return Err(format!("the architecture runs {activation}, so `quick_gelu` must be true"));
    }
    Ok(())
}

/// A map in which a key that stands twice is an error, and not the loss of the first.
fn each_tag_once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Tag>, D::Error> {
    struct Tags;

    impl<'de> Visitor<'de> for Tags {
        type Value = BTreeMap<String, Tag>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of pretrained tags")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut tags = BTreeMap::new();
            while let Some((name, tag)) = map.next_entry::<String, Tag>()? {
                if tags.contains_key(&name) {
                    return Err(A::Error::custom(format!("the tag `{name}` stands twice")));
                }
                tags.insert(name, tag);
            }
            Ok(tags)
        }
    }

    from.deserialize_map(Tags)
}
