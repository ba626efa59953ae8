//! Reads the `config.json` that transformers saves beside a CLIP model.
//!
//! Names and defaults are those of `CLIPConfig` and `CLIPVisionConfig` (transformers
//! `configuration_clip.py`); transformers used to leave out what equals a default, so an absent
//! field means that default.

use super::fields::Fields;
use super::{
    Activation, Architecture, ArchitectureError, PreprocessConfig, TextConfig, VisionConfig,
};

pub(super) fn read(name: &str, json: &str) -> Result<Architecture, ArchitectureError> {
    let file = Fields::parse(json)?;
    let projection_dim = file.size("projection_dim")?.unwrap_or(512);
    let (vision, text) = match file.text("model_type")? {
        Some("clip") => (vision_section(&file)?, Some(text_tower(&file)?)),
        Some("clip_vision_model") => (file, None),
        Some(_) => {
            let supported = "\"clip\" and \"clip_vision_model\"";
            return Err(file.unsupported("model_type", supported));
        }
        None => return Err(file.missing("model_type", "\"clip\" or \"clip_vision_model\"")),
    };
    let architecture = Architecture {
        name: name.to_owned(),
        embed_dim: projection_dim,
        activation: activation(&vision)?,
        vision: vision_tower(&vision)?,
        text,
        preprocess: PreprocessConfig::CLIP,
    };
    architecture.validate()?;
    Ok(architecture)
}

/// Old files hold `vision_config_dict` too, and then it alone counts: `CLIPConfig` overwrites all
/// of `vision_config` with it and with the defaults of what it leaves out.
fn vision_section(file: &Fields) -> Result<Fields, ArchitectureError> {
    if let Some(section) = file.section("vision_config_dict")? {
        return Ok(section);
    }
    let section = file.section("vision_config")?;
    section.ok_or_else(|| file.missing("vision_config", "the shape of the vision tower"))
}

fn vision_tower(fields: &Fields) -> Result<VisionConfig, ArchitectureError> {
    if fields.size("num_channels")?.is_some_and(|channels| channels != 3) {
        return Err(fields.unsupported("num_channels", "3: R, G and B"));
    }
    Ok(VisionConfig {
        image_size: fields.square("image_size")?.unwrap_or(224),
        patch_size: fields.square("patch_size")?.unwrap_or(32),
        width: fields.size("hidden_size")?.unwrap_or(768),
        layers: fields.size("num_hidden_layers")?.unwrap_or(12),
        heads: fields.size("num_attention_heads")?.unwrap_or(12),
        mlp_width: fields.size("intermediate_size")?.unwrap_or(3072),
        layer_norm_eps: fields.number("layer_norm_eps")?.unwrap_or(1e-5),
    })
}

/// `CLIPTextConfig`, all of whose fields may be absent; as with images, the old section alone counts.
fn text_tower(file: &Fields) -> Result<TextConfig, ArchitectureError> {
    let section = match file.section("text_config_dict")? {
        Some(section) => Some(section),
        None => file.section("text_config")?,
    };
    let size = |field: &str, default: usize| match &section {
        Some(section) => Ok(section.size(field)?.unwrap_or(default)),
        None => Ok(default),
    };
    let eps = section.as_ref().map(|section| section.number("layer_norm_eps")).transpose()?;
    Ok(TextConfig {
        context_length: size("max_position_embeddings", 77)?,
        vocab_size: size("vocab_size", 49_408)?,
        width: size("hidden_size", 512)?,
        heads: size("num_attention_heads", 8)?,
        layers: size("num_hidden_layers", 12)?,
        mlp_width: size("intermediate_size", 2048)?,
        layer_norm_eps: eps.flatten().unwrap_or(1e-5),
    })
}

/// transformers' `gelu` is the exact one (`activations.py`, `GELUActivation`).
fn activation(fields: &Fields) -> Result<Activation, ArchitectureError> {
    match fields.text("hidden_act")? {
        Some("gelu") => Ok(Activation::Gelu),
        Some("quick_gelu") | None => Ok(Activation::QuickGelu),
        Some(_) => Err(fields.unsupported("hidden_act", "\"gelu\" and \"quick_gelu\"")),
    }
}
