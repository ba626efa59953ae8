//! Names with a scheme: `hf-hub:ORG/REPO[@REVISION]` and `local-dir:PATH`.
//!
//! A repository's name follows the hub's own rules, so that none can leave the folder that it is
//! cached in. The scheme may be written in any case; it is shown in lower case.

use std::fmt;
use std::path::PathBuf;

use super::{RegistryError, Source};

const HUB: &str = "hf-hub:";
const LOCAL_DIR: &str = "local-dir:";

/// The longest `ORG/REPO` (huggingface_hub `validate_repo_id`), in bytes.
const MAX_REPO_LENGTH: usize = 96;

/// A place that holds weights, and mostly their config too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Hub { repo: String, revision: Option<String> },
    LocalDir(String),
}

impl Location {
    /// The place that `name` stands for; none if it has no scheme.
    pub(super) fn parse(name: &str) -> Result<Option<Self>, RegistryError> {
        let malformed = |expected| RegistryError::MalformedName { name: name.to_owned(), expected };
        if let Some(rest) = strip_scheme(name, HUB) {
            let expected = "a repository of the hub is written hf-hub:ORG/REPO[@REVISION]";
            return hub(rest).map(Some).ok_or_else(|| malformed(expected));
        }
        match strip_scheme(name, LOCAL_DIR) {
            Some("") => Err(malformed("a folder is written local-dir:PATH")),
            Some(path) => Ok(Some(Self::LocalDir(path.to_owned()))),
            None => Ok(None),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { repo, revision: None } => write!(f, "{HUB}{repo}"),
            Self::Hub { repo, revision: Some(revision) } => write!(f, "{HUB}{repo}@{revision}"),
            Self::LocalDir(path) => write!(f, "{LOCAL_DIR}{path}"),
        }
    }
}

impl From<Location> for Source {
    fn from(location: Location) -> Self {
        match location {
            Location::Hub { repo, revision } => Self::Hub { repo, revision },
            Location::LocalDir(path) => Self::LocalDir(PathBuf::from(path)),
        }
    }
}

fn strip_scheme<'a>(name: &'a str, scheme: &str) -> Option<&'a str> {
    let (head, rest) = name.split_at_checked(scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn hub(rest: &str) -> Option<Location> {
    let (repo, revision) = match rest.split_once('@') {
        Some((repo, revision)) => (repo, Some(revision)),
        None => (rest, None),
    };
    let sound = is_repo(repo) && revision.is_none_or(is_revision);
    sound.then(|| Location::Hub { repo: repo.to_owned(), revision: revision.map(str::to_owned) })
}

/// huggingface_hub `utils/_validators.py`, `validate_repo_id`; an organisation is required.
pub(super) fn is_repo(repo: &str) -> bool {
    let part =
        |part: &str| is_word(part) && !part.starts_with(['-', '.']) && !part.ends_with(['-', '.']);
    repo.len() <= MAX_REPO_LENGTH
        && !repo.contains("--")
        && !repo.contains("..")
        && !repo.ends_with(".git")
        && repo.split_once('/').is_some_and(|(organisation, name)| part(organisation) && part(name))
}

/// A branch, a tag, a commit or a reference such as `refs/pr/15`.
pub(super) fn is_revision(revision: &str) -> bool {
    !revision.contains("..") && revision.split('/').all(is_word)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parsed_is_shown_the_same_with_its_scheme_in_lower_case() {
        for (name, shown) in [
            ("hf-hub:timm/vit_base_patch32_clip_224.openai", None),
            ("hf-hub:openai/clip-vit-base-patch32@refs/pr/15", None),
            ("local-dir:./weights/My Model", None),
            ("HF-Hub:laion/CLIP-ViT-B-32", Some("hf-hub:laion/CLIP-ViT-B-32")),
        ] {
            let location = Location::parse(name).unwrap().unwrap();
            assert_eq!(location.to_string(), shown.unwrap_or(name));
        }
        assert_eq!(Location::parse("ViT-B/32"), Ok(None));
    }

    #[test]
    fn a_name_that_is_no_repository_or_folder_is_an_error() {
        for name in [
            "hf-hub:",
            "hf-hub:repo",
            "hf-hub:a/b/c",
            "hf-hub:../etc",
            "hf-hub:a/..",
            "hf-hub:a/b--c",
            "hf-hub:a/b.git",
            "hf-hub:a/b@",
            "hf-hub:a/b@../../x",
            "hf-hub:a/b@/x",
            "hf-hub:a /b",
            "local-dir:",
        ] {
            let error = Location::parse(name).unwrap_err();
            assert_eq!(error.code(), "malformed_model_name", "{name}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
