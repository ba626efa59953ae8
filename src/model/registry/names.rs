//! When two names are the same, and which ones are near to each other.
//!
//! The rules are open_clip's (`factory.py`, `pretrained.py`: `/` is `-` in a model's name; a tag is
//! in lower case with `_` for `-`), and the case of a model's name does not count either.

use std::path::Path;

/// How many names a message proposes.
const PROPOSALS: usize = 3;

/// What model names are compared by.
pub(super) fn model_key(name: &str) -> String {
    name.trim().replace('/', "-").to_lowercase()
}

/// What pretrained tags are compared by.
pub(super) fn tag_key(tag: &str) -> String {
    tag.trim().to_lowercase().replace('-', "_")
}

/// Whether the name is that of a file of weights: safetensors, or a PyTorch state dict.
pub(super) fn is_weights_file(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["safetensors", "bin", "pt", "pth"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Whether the name is a path rather than a tag, which has neither `/` nor `.`.
pub(super) fn is_path(name: &str) -> bool {
    name.contains(['/', '.'])
}

/// The names at the smallest edit distance (Damerau-Levenshtein, case ignored), best first.
pub(super) fn nearest<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut ranked: Vec<_> = known
        .map(|name| (strsim::damerau_levenshtein(&wanted, &name.to_lowercase()), name))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(PROPOSALS).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_counts_a_swap_as_one_edit_and_ignores_case() {
        let known = ["laion2b_e16", "openai", "random"];
        assert_eq!(nearest("OPENIA", known.into_iter())[0], "openai");
    }

    #[test]
    fn weights_files_are_known_by_their_extension_in_any_case() {
        for file in ["a/b.safetensors", "open_clip_pytorch_model.bin", "ViT-B-32.PT", "x.pth"] {
            assert!(is_weights_file(file), "{file}");
        }
        for other in ["openai", "safetensors", "model.onnx", ".bin"] {
            assert!(!is_weights_file(other), "{other}");
        }
    }
}
