//! Files of model repositories from the Hugging Face hub, through the cache that Python's
//! `huggingface_hub` keeps.
//!
//! A file that is returned is whole: its size and digest were checked when it was downloaded. What
//! is cached survives the hub: without a network, the last known state is used, with a warning.
//! Blocking; knows neither tokio nor HTTP of our own. Proxies are those of the process's
//! `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.

mod answer;
mod cache;
mod client;
mod digest;
mod download;
mod error;
mod lock;
mod progress;
mod settings;
mod url;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use self::{
    answer::{Failure, Metadata},
    cache::{RepoCache, is_commit},
    client::Client,
    download::{Download, MAX_FRUITLESS, pause_after},
};
pub use self::{
    error::{HubError, Wanted},
    progress::{Report, Step},
    settings::{Pause, Settings, Token},
};

/// A model hub and the cache in front of it.
pub struct Hub {
    settings: Settings,
    client: Client,
    /// Set once a cached file had to stand in, so that a start waits for a dead network only once.
    unreachable: AtomicBool,
}

impl Hub {
    /// A hub as the environment describes it: `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`, `HOME`,
    /// `HF_ENDPOINT`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `HF_HUB_ETAG_TIMEOUT`,
    /// `HF_HUB_DOWNLOAD_TIMEOUT`.
    ///
    /// # Errors
    /// [`HubError::Settings`] with every wrong value.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        Settings::from_env(env).map(Self::new)
    }

    /// A hub with these settings. Makes no request yet.
    pub fn new(settings: Settings) -> Self {
        let client = Client::new(&settings);
        Self { settings, client, unreachable: AtomicBool::new(false) }
    }

    /// A model repository (`ORG/NAME`) at a branch, tag, `refs/pr/N` or commit.
    ///
    /// # Errors
    /// [`HubError::Name`] for what can be the name of neither.
    pub fn repo(&self, id: &str, revision: &str) -> Result<Repo<'_>, HubError> {
        check_name("the repository", id, is_repo_id(id), "is not of the form ORG/NAME")?;
        check_name(
            "the revision",
            revision,
            is_inside(revision),
            "is not a branch, tag or commit",
        )?;
        let cache = RepoCache::new(&self.settings.cache, id);
        Ok(Repo { hub: self, id: id.to_owned(), revision: revision.to_owned(), cache })
    }
}

/// One model repository at one revision.
pub struct Repo<'hub> {
    hub: &'hub Hub,
    id: String,
    revision: String,
    cache: RepoCache,
}

impl Repo<'_> {
    /// The path of a file in the cache, downloaded if it is not there or the revision has moved on.
    ///
    /// # Errors
    /// [`HubError::FileNotFound`] if the repository has no such file; else what kept it from being
    /// had.
    pub fn get(&self, file: &str) -> Result<PathBuf, HubError> {
        let cached = self.cached(file);
        let spare = cached.is_some();
        self.get_with(file, cached, spare)
    }

    /// The path of the first of these files that the repository has, and its place in the list.
    ///
    /// While the hub is out of reach, the first one that is cached.
    ///
    /// # Errors
    /// [`HubError::FileNotFound`] that lists them all if there is none; else what kept one from
    /// being had.
    pub fn first_of(&self, files: &[&str]) -> Result<(PathBuf, usize), HubError> {
        let spare = files.iter().any(|file| self.cached(file).is_some());
        let mut out_of_reach = None;
        for (place, file) in files.iter().enumerate() {
            let found = match (self.cached(file), &out_of_reach) {
                (cached, None) => self.get_with(file, cached, spare),
                (Some(path), Some(error)) => Ok(self.fall_back(error, path)),
                (None, Some(_)) => continue,
            };
            match found {
                Ok(path) => return Ok((path, place)),
                Err(HubError::FileNotFound(_)) => {}
                Err(error) if spare && error.cache_may_answer() => out_of_reach = Some(error),
                Err(HubError::Offline { .. }) => {
                    return Err(HubError::Offline { wanted: self.any_of(files) });
                }
                Err(error) => return Err(error),
            }
        }
        Err(out_of_reach.unwrap_or_else(|| HubError::FileNotFound(self.any_of(files))))
    }

    /// With something to fall back on (`spare`), one attempt to reach the hub is enough.
    fn get_with(
        &self,
        file: &str,
        cached: Option<PathBuf>,
        spare: bool,
    ) -> Result<PathBuf, HubError> {
        check_name("the file", file, is_inside(file), "is no path within a repository")?;
        let wanted = self.wanted(file);
        match (self.look_up(&wanted, cached.is_some(), spare), cached) {
            (Ok(metadata), _) => self.fetch(&wanted, &metadata),
            (Err(None), Some(path)) => Ok(path),
            (Err(Some(error)), Some(path)) if error.cache_may_answer() => {
                Ok(self.fall_back(&error, path))
            }
            (Err(Some(error)), _) => Err(error),
            (Err(None), None) => Err(HubError::Offline { wanted: Box::new(wanted) }),
        }
    }

    fn fall_back(&self, error: &HubError, path: PathBuf) -> PathBuf {
        if let HubError::Unreachable { .. } = error {
            self.hub.unreachable.store(true, Ordering::Relaxed);
        }
        // Offline is what the operator asked for; all else deserves a look.
        if !matches!(error, HubError::Offline { .. }) {
            let at = path.display();
            tracing::warn!(%error, path = %at, "no answer from the hub: using the cache");
        }
        path
    }

    /// What the hub says about a file; `Err(None)` if the cache has the last word and the hub is
    /// not asked.
    fn look_up(
        &self,
        wanted: &Wanted,
        cached: bool,
        spare: bool,
    ) -> Result<Metadata, Option<HubError>> {
        let Settings { offline, .. } = self.hub.settings;
        let settled = is_commit(&self.revision);
        let dark = offline || (spare && self.hub.unreachable.load(Ordering::Relaxed));
        if cached && (settled || dark) {
            return Err(None);
        }
        let commit = self.cache.commit(&self.revision).filter(|_| settled || dark);
        if commit.is_some_and(|commit| self.cache.is_known_missing(&commit, &wanted.file)) {
            return Err(Some(HubError::FileNotFound(Box::new(wanted.clone()))));
        }
        if dark {
            Err(None)
        } else {
            self.ask(wanted, if spare { 1 } else { MAX_FRUITLESS }).map_err(Some)
        }
    }

    fn ask(&self, wanted: &Wanted, attempts: u32) -> Result<Metadata, HubError> {
        let mut failures = 0;
        loop {
            let cause = match self.hub.client.metadata(wanted) {
                Ok(metadata) => return Ok(metadata),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Missing(commit)) => return Err(self.missing(wanted, commit)),
                Err(Failure::Passing(cause)) => cause,
            };
            failures += 1;
            if failures >= attempts {
                let wanted = Box::new(wanted.clone());
                return Err(HubError::Unreachable { wanted, attempts, cause });
            }
            let pause = pause_after(failures);
            tracing::warn!(%wanted, %cause, ?pause, "cannot ask the model hub: trying again");
            (self.hub.settings.pause)(pause);
        }
    }

    fn missing(&self, wanted: &Wanted, commit: Option<String>) -> HubError {
        if let Some(Err(error)) =
            commit.map(|commit| self.cache.mark_missing(&commit, &wanted.file))
        {
            tracing::debug!(%error, "cannot note in the cache that a file does not exist");
        }
        HubError::FileNotFound(Box::new(wanted.clone()))
    }

    fn fetch(&self, wanted: &Wanted, metadata: &Metadata) -> Result<PathBuf, HubError> {
        let Metadata { commit, etag, size } = metadata;
        let there = || self.cache.file(commit, &wanted.file, *size);
        let path = match there() {
            Some(path) => path,
            None => {
                let lock = self.cache.lock(etag)?;
                // Whoever had the lock before us may have brought the file.
                match there() {
                    Some(path) => path,
                    None => self.download(wanted, metadata, &lock)?,
                }
            }
        };
        // Only now: a revision must not point to a commit whose files never arrived.
        if !is_commit(&self.revision)
            && let Err(error) = self.cache.write_ref(&self.revision, commit)
        {
            tracing::warn!(%error, "cannot note the revision in the cache: it is no use offline");
        }
        Ok(path)
    }

    fn download(
        &self,
        wanted: &Wanted,
        metadata: &Metadata,
        lock: &lock::Lock,
    ) -> Result<PathBuf, HubError> {
        let Metadata { commit, etag, size } = metadata;
        if !self.cache.has_blob(etag, *size) {
            let incomplete = self.cache.incomplete(etag, lock);
            let (settings, client, cache) = (&self.hub.settings, &self.hub.client, &self.cache);
            Download { settings, client, cache, wanted, metadata, incomplete: &incomplete }
                .run()?;
            self.cache.keep(&incomplete, etag)?;
        }
        self.cache.point(commit, &wanted.file, etag)
    }

    fn cached(&self, file: &str) -> Option<PathBuf> {
        let commit = self.cache.commit(&self.revision).filter(|_| is_inside(file))?;
        self.cache.file(&commit, file, None)
    }

    fn wanted(&self, file: &str) -> Wanted {
        Wanted {
            repo: self.id.clone(),
            revision: self.revision.clone(),
            file: file.to_owned(),
            url: url::of_file(self.hub.client.endpoint(), &self.id, &self.revision, file),
            cache: self.cache.root().to_owned(),
        }
    }

    fn any_of(&self, files: &[&str]) -> Box<Wanted> {
        let endpoint = self.hub.client.endpoint();
        let url = format!("{endpoint}/{}/tree/{}", self.id, self.revision);
        Box::new(Wanted { url, ..self.wanted(&files.join(", ")) })
    }
}

fn check_name(
    what: &'static str,
    name: &str,
    good: bool,
    why: &'static str,
) -> Result<(), HubError> {
    if good { Ok(()) } else { Err(HubError::Name { what, name: name.to_owned(), why }) }
}

/// The rules of `huggingface_hub.utils.validate_repo_id`.
fn is_repo_id(id: &str) -> bool {
    let part = |part: &str| {
        let ends = |edge: char| part.starts_with(edge) || part.ends_with(edge);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        !part.is_empty() && part.chars().all(plain) && !ends('-') && !ends('.')
    };
    let fits = id.len() <= 96 && id.matches('/').count() <= 1;
    fits && id.split('/').all(part)
        && !id.contains("--")
        && !id.contains("..")
        && !id.ends_with(".git")
}

/// Whether a name stays inside the folder it is joined to, by the rules of Unix and of Windows.
fn is_inside(name: &str) -> bool {
    let foreign = |c: char| c == '\\' || c == ':' || c.is_control();
    !name.contains(foreign) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
