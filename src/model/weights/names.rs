//! The names that checkpoints give to the tensors of CLIP's towers, open_clip's and Hugging
//! Face's, mapped to open_clip's.
//!
//! Hugging Face's `CLIPModel` keeps queries, keys and values apart and the projection transposed.

use std::borrow::Cow;

use candle_core::Tensor;

use super::{TowerWeights, WeightsError, checkpoint::Checkpoint};

/// A checkpoint whose naming is known.
pub(super) struct Named {
    checkpoint: Checkpoint,
    naming: Naming,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    OpenClip,
    HuggingFace,
}

/// How a tensor of open_clip's is found under Hugging Face's names.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The same under another name.
    Same(String),
    /// `[out, in]` for open_clip's `[in, out]`.
    Transposed(String),
    /// Three of equal size, to be laid one below the other.
    Stacked([String; 3]),
}

impl Named {
    /// Finds out the naming by a tensor that each one has.
    pub(super) fn new(checkpoint: Checkpoint) -> Result<Self, WeightsError> {
        let naming = if checkpoint.contains("visual.conv1.weight") {
            Naming::OpenClip
        } else if checkpoint.contains("vision_model.embeddings.class_embedding") {
            Naming::HuggingFace
        } else {
            return Err(unknown(&checkpoint));
        };
        Ok(Self { checkpoint, naming })
    }
}

impl Named {
    /// open_clip's `CustomTextCLIP` keeps the text tower in a module of its own.
    fn open_clip<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let within = format!("text.{name}");
        if !self.checkpoint.contains(name) && self.checkpoint.contains(&within) {
            Cow::Owned(within)
        } else {
            Cow::Borrowed(name)
        }
    }
}

fn unknown(checkpoint: &Checkpoint) -> WeightsError {
    let names = checkpoint.names();
    let few = names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let found = match names.len() {
        0 => "no tensors".to_owned(),
        count => format!("{count} tensors: {few}{}", if count > 3 { ", …" } else { "" }),
    };
    WeightsError::UnknownNames { path: checkpoint.path().to_owned(), found }
}

impl TowerWeights for Named {
    fn tensor(&self, name: &str, expected: &[usize]) -> candle_core::Result<Tensor> {
        if self.naming == Naming::OpenClip {
            return self.checkpoint.tensor(&self.open_clip(name), expected);
        }
        match hugging_face(name) {
            Found::Same(name) => self.checkpoint.tensor(&name, expected),
            Found::Transposed(name) => {
                let reversed: Vec<_> = expected.iter().rev().copied().collect();
                self.checkpoint.tensor(&name, &reversed)?.t()?.contiguous()
            }
            Found::Stacked(parts) => {
                let mut part = expected.to_vec();
                part[0] /= 3;
                let parts = parts.map(|name| self.checkpoint.tensor(&name, &part));
                let [q, k, v] = parts;
                Tensor::cat(&[q?, k?, v?], 0)
            }
        }
    }

    fn contains(&self, name: &str) -> bool {
        if self.naming == Naming::OpenClip {
            return self.checkpoint.contains(&self.open_clip(name));
        }
        match hugging_face(name) {
            Found::Same(name) | Found::Transposed(name) => self.checkpoint.contains(&name),
            Found::Stacked(parts) => parts.iter().all(|name| self.checkpoint.contains(name)),
        }
    }
}

/// Where Hugging Face's `CLIPModel` keeps open_clip's tensor `name`.
fn hugging_face(name: &str) -> Found {
    let Some(tower) = name.strip_prefix("visual.") else { return hugging_face_text(name) };
    let same = |name: &str| Found::Same(format!("vision_model.{name}"));
    match tower {
        "class_embedding" => same("embeddings.class_embedding"),
        "conv1.weight" => same("embeddings.patch_embedding.weight"),
        "positional_embedding" => same("embeddings.position_embedding.weight"),
        "proj" => Found::Transposed("visual_projection.weight".to_owned()),
        _ => {
            if let Some(block) = tower.strip_prefix("transformer.resblocks.") {
                return hugging_face_block("vision_model", block);
            }
            // The misspelling is Hugging Face's own.
            same(&tower.replace("ln_pre", "pre_layrnorm").replace("ln_post", "post_layernorm"))
        }
    }
}

/// The same for what is not of the vision tower.
fn hugging_face_text(name: &str) -> Found {
    let same = |name: &str| Found::Same(format!("text_model.{name}"));
    match name {
        "token_embedding.weight" => same("embeddings.token_embedding.weight"),
        "positional_embedding" => same("embeddings.position_embedding.weight"),
        "text_projection" => Found::Transposed("text_projection.weight".to_owned()),
        "logit_scale" => Found::Same(name.to_owned()),
        _ => match name.strip_prefix("transformer.resblocks.") {
            Some(block) => hugging_face_block("text_model", block),
            None => same(&name.replace("ln_final", "final_layer_norm")),
        },
    }
}

/// The same within a block of `tower`; `name` begins with its number, like `0.ln_1.weight`.
fn hugging_face_block(tower: &str, name: &str) -> Found {
    let layer = |name: String| format!("{tower}.encoder.layers.{name}");
    if let Some((number, kind)) = name.split_once(".attn.in_proj_") {
        let part = |letter| layer(format!("{number}.self_attn.{letter}_proj.{kind}"));
        return Found::Stacked([part('q'), part('k'), part('v')]);
    }
    let renamed = [
        (".attn.out_proj.", ".self_attn.out_proj."),
        (".ln_1.", ".layer_norm1."),
        (".ln_2.", ".layer_norm2."),
        (".mlp.c_fc.", ".mlp.fc1."),
        (".mlp.c_proj.", ".mlp.fc2."),
    ]
    .iter()
    .fold(name.to_owned(), |name, (ours, theirs)| name.replace(ours, theirs));
    Found::Same(layer(renamed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(name: &str) -> Found {
        Found::Same(name.to_owned())
    }

    #[test]
    fn hugging_faces_names_are_found() {
        let layer = "vision_model.encoder.layers.3";
        for (ours, theirs) in [
            ("visual.class_embedding", same("vision_model.embeddings.class_embedding")),
            ("visual.conv1.weight", same("vision_model.embeddings.patch_embedding.weight")),
            ("visual.ln_pre.bias", same("vision_model.pre_layrnorm.bias")),
            ("visual.ln_post.weight", same("vision_model.post_layernorm.weight")),
            ("visual.proj", Found::Transposed("visual_projection.weight".to_owned())),
            (
                "visual.transformer.resblocks.3.attn.in_proj_bias",
                Found::Stacked(["q", "k", "v"].map(|p| format!("{layer}.self_attn.{p}_proj.bias"))),
            ),
            (
                "visual.transformer.resblocks.3.attn.out_proj.weight",
                same(&format!("{layer}.self_attn.out_proj.weight")),
            ),
            (
                "visual.transformer.resblocks.3.ln_2.weight",
                same(&format!("{layer}.layer_norm2.weight")),
            ),
            (
                "visual.transformer.resblocks.3.mlp.c_proj.bias",
                same(&format!("{layer}.mlp.fc2.bias")),
            ),
        ] {
            assert_eq!(hugging_face(ours), theirs, "{ours}");
        }
        let layer = "text_model.encoder.layers.3";
        for (ours, theirs) in [
            ("token_embedding.weight", same("text_model.embeddings.token_embedding.weight")),
            ("positional_embedding", same("text_model.embeddings.position_embedding.weight")),
            ("ln_final.bias", same("text_model.final_layer_norm.bias")),
            ("text_projection", Found::Transposed("text_projection.weight".to_owned())),
            ("logit_scale", same("logit_scale")),
            (
                "transformer.resblocks.3.attn.in_proj_weight",
                Found::Stacked(
                    ["q", "k", "v"].map(|p| format!("{layer}.self_attn.{p}_proj.weight")),
                ),
            ),
            ("transformer.resblocks.3.mlp.c_fc.bias", same(&format!("{layer}.mlp.fc1.bias"))),
        ] {
            assert_eq!(hugging_face(ours), theirs, "{ours}");
        }
    }
}
