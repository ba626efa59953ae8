//! Reads open_clip's `open_clip_config.json`.
//!
//! Names and defaults are those of `CLIPVisionCfg` (open_clip `model.py`) and `PreprocessCfg`
//! (`transform.py`). A field that would change what the tower computes is refused unless it has
//! its neutral value, and so is one that is not known here.

use serde_json::{Value, json};

use super::fields::Fields;
use super::{
    Activation, Architecture, ArchitectureError, Interpolation, PreprocessConfig, ResizeMode,
    TextConfig, VisionConfig,
};

const PLAIN_TOWER: &str =
    "a plain vision transformer: class-token pooling, ln_pre, pre-norm blocks";

/// Fields read below, and those that change nothing at inference for a plain tower.
const UNDERSTOOD: &[&str] = &[
    "image_size",
    "patch_size",
    "width",
    "layers",
    "head_width",
    "mlp_ratio",
    "norm_kwargs",
    "patch_dropout",
    "attn_pooler_queries",
    "attn_pooler_heads",
    "output_tokens",
    // The layer norm works on each token alone: before or after picking the class token is one.
    "final_ln_after_pool",
    "timm_model_pretrained",
    "timm_drop",
    "timm_drop_path",
];

pub(super) fn read(name: &str, json: &str) -> Result<Architecture, ArchitectureError> {
    let file = Fields::parse(json)?;
    let model = file
        .section("model_cfg")?
        .ok_or_else(|| file.missing("model_cfg", "open_clip's description of the towers"))?;
    let vision = model
        .section("vision_cfg")?
        .ok_or_else(|| model.missing("vision_cfg", "the shape of the vision tower"))?;
    let architecture = Architecture {
        name: name.to_owned(),
        embed_dim: model
            .size("embed_dim")?
            .ok_or_else(|| model.missing("embed_dim", "how many numbers an embedding has"))?,
        vision: vision_tower(&vision)?,
        text: match model.section("text_cfg")? {
            Some(text) => text_tower(&text)?,
            None => None,
        },
        activation: Activation::from_quick_gelu(model.flag("quick_gelu")?.unwrap_or(false)),
        preprocess: match file.section("preprocess_cfg")? {
            Some(fields) => preprocess(&fields)?,
            None => PreprocessConfig::CLIP,
        },
    };
    architecture.validate()?;
    Ok(architecture)
}

fn vision_tower(fields: &Fields) -> Result<VisionConfig, ArchitectureError> {
    refuse_other_towers(fields)?;
    let width = fields.size("width")?.unwrap_or(768);
    let head_width = fields.size("head_width")?.unwrap_or(64);
    Ok(VisionConfig {
        image_size: fields.square("image_size")?.unwrap_or(224),
        patch_size: fields.square("patch_size")?.unwrap_or(16),
        width,
        layers: fields.size("layers")?.unwrap_or(12),
        heads: heads(width, head_width),
        mlp_width: mlp_width(width, fields.number("mlp_ratio")?.unwrap_or(4.0)),
        layer_norm_eps: layer_norm_eps(fields)?,
    })
}

/// Fields of `text_cfg` that are read, and those that change nothing for a plain tower.
const UNDERSTOOD_OF_TEXT: &[&str] = &[
    "context_length",
    "vocab_size",
    "width",
    "heads",
    "layers",
    "mlp_ratio",
    "norm_kwargs",
    "output_tokens",
    "hf_tokenizer_name",
    "tokenizer_kwargs",
];

/// The text tower, with the names and defaults of `CLIPTextCfg`; none where it is not the plain one of
/// CLIP: images can be served all the same.
fn text_tower(fields: &Fields) -> Result<Option<TextConfig>, ArchitectureError> {
    let plain = fields.names().all(|field| {
        UNDERSTOOD_OF_TEXT.contains(&field)
            || fields.get(field).is_none_or(Value::is_null)
            || fields.get(field) == neutral_in_text(field).as_ref()
    });
    if !plain {
        return Ok(None);
    }
    let width = fields.size("width")?.unwrap_or(512);
    Ok(Some(TextConfig {
        context_length: fields.size("context_length")?.unwrap_or(77),
        vocab_size: fields.size("vocab_size")?.unwrap_or(49_408),
        width,
        heads: fields.size("heads")?.unwrap_or(8),
        layers: fields.size("layers")?.unwrap_or(12),
        mlp_width: mlp_width(width, fields.number("mlp_ratio")?.unwrap_or(4.0)),
        layer_norm_eps: layer_norm_eps(fields)?,
    }))
}

/// The value with which a field leaves the text tower plain.
fn neutral_in_text(field: &str) -> Option<Value> {
    match field {
        "pool_type" => Some(json!("argmax")),
        "act_kwargs" => Some(json!({})),
        "no_causal_mask" | "embed_cls" | "proj_bias" => Some(json!(false)),
        _ => None,
    }
}

/// open_clip `model.py`, `_build_vision_tower`: `width // head_width`.
pub(in crate::model) fn heads(width: usize, head_width: usize) -> usize {
    width / head_width
}

/// open_clip `transformer.py`, `ResidualAttentionBlock`: `int(d_model * mlp_ratio)`.
pub(in crate::model) fn mlp_width(width: usize, mlp_ratio: f64) -> usize {
    (width as f64 * mlp_ratio) as usize
}

fn refuse_other_towers(fields: &Fields) -> Result<(), ArchitectureError> {
    if fields.get("layers").is_some_and(Value::is_array) {
        return Err(fields.unsupported("layers", PLAIN_TOWER));
    }
    // First, because a timm tower's other fields (timm_pool, timm_proj) follow from it.
    if fields.get("timm_model_name").is_some() {
        return Err(fields.unsupported("timm_model_name", PLAIN_TOWER));
    }
    for field in fields.names().filter(|field| !UNDERSTOOD.contains(field)) {
        if fields.get(field) != neutral(field).as_ref() {
            return Err(fields.unsupported(field, PLAIN_TOWER));
        }
    }
    Ok(())
}

/// The value with which a field leaves the tower plain; none for a field that is not known.
fn neutral(field: &str) -> Option<Value> {
    match field {
        "pool_type" => Some(json!("tok")),
        "pos_embed_type" => Some(json!("learnable")),
        "block_type" => Some(json!("default")),
        "act_kwargs" => Some(json!({})),
        "timm_pool" => Some(json!("avg")),
        "timm_proj" => Some(json!("linear")),
        "attentional_pool" | "no_ln_pre" | "qk_norm" | "scaled_cosine_attn" | "scale_heads"
        | "scale_attn_inner" | "scale_attn" | "scale_fc" | "timm_proj_bias" => Some(json!(false)),
        _ => None,
    }
}

/// PyTorch's `LayerNorm` adds 1e-5 unless `norm_kwargs` says otherwise.
fn layer_norm_eps(fields: &Fields) -> Result<f64, ArchitectureError> {
    let Some(norm) = fields.section("norm_kwargs")? else { return Ok(1e-5) };
    if let Some(other) = norm.names().find(|name| *name != "eps") {
        return Err(norm.unsupported(other, "eps alone"));
    }
    Ok(norm.number("eps")?.unwrap_or(1e-5))
}

/// `size` is not read: open_clip's `create_model` overwrites it with the tower's image size.
fn preprocess(fields: &Fields) -> Result<PreprocessConfig, ArchitectureError> {
    let clip = PreprocessConfig::CLIP;
    require_text(fields, "mode", "RGB", "\"RGB\"")?;
    require_text(fields, "interpolation", "bicubic", "\"bicubic\"")?;
    require_text(fields, "resize_mode", "shortest", "\"shortest\"")?;
    Ok(PreprocessConfig {
        mean: fields.rgb("mean")?.unwrap_or(clip.mean),
        std: fields.rgb("std")?.unwrap_or(clip.std),
        interpolation: Interpolation::Bicubic,
        resize_mode: ResizeMode::Shortest,
    })
}

fn require_text(
    fields: &Fields,
    field: &str,
    wanted: &str,
    supported: &'static str,
) -> Result<(), ArchitectureError> {
    match fields.text(field)? {
        Some(found) if found != wanted => Err(fields.unsupported(field, supported)),
        _ => Ok(()),
    }
}
