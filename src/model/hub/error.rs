//! What can go wrong between a model's name and a file on disk.
//!
//! Each message says what was tried (never with the token), which folder or variable is concerned,
//! and what to do instead. Each variant has a stable code.

use std::{fmt, io, path::PathBuf};

const TOKENS: &str = "https://huggingface.co/settings/tokens";

const WITHOUT_HUB: &str = "to do without the hub, name local weights (`local-dir:PATH` as the \
    model, or the path of a .safetensors file as `--pretrained`), or start with `--pretrained \
    random` to try the service without weights";

/// A file that was asked for, and where it was looked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) repo: String,
    pub(super) revision: String,
    pub(super) file: String,
    pub(super) url: String,
    pub(super) cache: PathBuf,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repo, revision, file, url, .. } = self;
        write!(f, "{file} of {repo} at revision {revision} ({})", super::url::shown(url))
    }
}

/// Why a file of the hub could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Environment variables with wrong values; all of them.
    #[error("{}", .0.join("; "))]
    Settings(Vec<String>),

    /// A repository, revision or file name that cannot be one, refused before it touches disk or
    /// network.
    #[error("{what} {name:?} {why}")]
    Name { what: &'static str, name: String, why: &'static str },

    /// The repository is there, the file is not.
    #[error("the model hub has no {0}; check the model's name and its files on the hub")]
    FileNotFound(Box<Wanted>),

    /// No such repository, or one that is hidden from this token.
    #[error(
        "the model hub knows no repository {}: asked for {wanted}; check the name; if it is \
         private, {}",
        wanted.repo, token_hint(*token_sent)
    )]
    RepoNotFound { wanted: Box<Wanted>, token_sent: bool },

    /// The repository is there, the branch, tag or commit is not.
    #[error("the model hub has no such revision: asked for {0}; `main` is the usual one")]
    RevisionNotFound(Box<Wanted>),

    /// The authors let only those in who accepted their terms.
    #[error(
        "the repository {} is gated: asked for {wanted}; accept its terms on its page on the \
         hub, and {}",
        wanted.repo, token_hint(*token_sent)
    )]
    Gated { wanted: Box<Wanted>, token_sent: bool },

    /// The hub answered 401 or 403 without saying more.
    #[error("the model hub refused ({answer}) {wanted}; {}", token_hint(*token_sent))]
    Denied { wanted: Box<Wanted>, answer: String, token_sent: bool },

    /// Not in the cache, and the network must not be used.
    #[error(
        "offline (HF_HUB_OFFLINE) and not in the cache {}: {wanted}; unset HF_HUB_OFFLINE for one \
         start, or fill the cache elsewhere and point HF_HUB_CACHE at it; {}",
        wanted.cache.display(), WITHOUT_HUB
    )]
    Offline { wanted: Box<Wanted> },

    /// Not in the cache, and the network failed every attempt.
    #[error(
        "cannot fetch {wanted}: {attempts} attempts without progress, the last one: {cause}; it \
         is not in the cache {} either; set HF_ENDPOINT for a mirror, HTTPS_PROXY for a proxy and \
         SSL_CERT_FILE for its certificate; {}",
        wanted.cache.display(), WITHOUT_HUB
    )]
    Unreachable { wanted: Box<Wanted>, attempts: u32, cause: String },

    /// An answer that no hub gives, as from a captive portal or a wrong mirror.
    #[error(
        "asked for {wanted} and got no answer of a model hub: {why}; check HF_ENDPOINT and the \
         proxy settings; {}",
        WITHOUT_HUB
    )]
    Protocol { wanted: Box<Wanted>, why: String },

    /// The bytes are not those that the hub announced, twice in a row.
    #[error(
        "{wanted} arrived damaged twice: expected {expected}, found {found}; nothing was kept; a \
         proxy or a mirror that alters files is the usual cause (HF_ENDPOINT, HTTPS_PROXY)"
    )]
    Corrupt { wanted: Box<Wanted>, expected: String, found: String },

    /// The cache folder cannot be read or written.
    #[error(
        "cannot {action} {}: {cause}; the cache folder is {}; HF_HUB_CACHE (or HF_HOME) names \
         another one, with write permission and room for the weights",
        path.display(), cache.display()
    )]
    Disk { action: &'static str, path: PathBuf, cache: PathBuf, cause: io::Error },
}

impl HubError {
    /// A stable label of the cause, for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "hub_settings",
            Self::Name { .. } => "hub_name",
            Self::FileNotFound(_) => "hub_file_not_found",
            Self::RepoNotFound { .. } => "hub_repo_not_found",
            Self::RevisionNotFound(_) => "hub_revision_not_found",
            Self::Gated { .. } => "hub_gated",
            Self::Denied { .. } => "hub_denied",
            Self::Offline { .. } => "hub_offline",
            Self::Unreachable { .. } => "hub_unreachable",
            Self::Protocol { .. } => "hub_protocol",
            Self::Corrupt { .. } => "hub_corrupt",
            Self::Disk { .. } => "hub_disk",
        }
    }

    /// Whether a copy in the cache may stand in: the hub gave no answer about the file itself.
    pub(super) fn cache_may_answer(&self) -> bool {
        matches!(
            self,
            Self::RepoNotFound { .. }
                | Self::Gated { .. }
                | Self::Denied { .. }
                | Self::Offline { .. }
                | Self::Unreachable { .. }
                | Self::Protocol { .. }
        )
    }
}

fn token_hint(sent: bool) -> String {
    if sent {
        format!("the token that was sent (HF_TOKEN or the token file) has no right to it: {TOKENS}")
    } else {
        format!("set HF_TOKEN to a token that may read it ({TOKENS}); none was sent")
    }
}
