//! The hub's cache folder, laid out as Python's `huggingface_hub` does, so that both use one cache:
//! `models--ORG--NAME/{blobs/ETAG, refs/REVISION, snapshots/COMMIT/FILE -> ../../blobs/ETAG,
//! .no_exist/COMMIT/FILE}` and `.locks/models--ORG--NAME/ETAG.lock`. Names appear whole or not at
//! all: each is made aside and renamed.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use super::{HubError, lock::Lock};

/// The tag that `huggingface_hub` leaves for backup tools (Cache Directory Tagging Specification).
const CACHE_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This file is a cache directory tag created by a model hub client.\n";

/// The part of the cache that belongs to one repository.
pub(super) struct RepoCache {
    root: PathBuf,
    folder: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    pub(super) fn new(root: &Path, repo: &str) -> Self {
        let name = format!("models--{}", repo.replace('/', "--"));
        Self {
            root: root.to_owned(),
            folder: root.join(&name),
            locks: root.join(".locks").join(&name),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The commit that a revision stood for when it was last looked up; a full commit hash stands
    /// for itself.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// The file at a commit, if it is there whole: what a link points at counts, not the link.
    pub(super) fn file(&self, commit: &str, file: &str, size: Option<u64>) -> Option<PathBuf> {
        let path = self.pointer(commit, file);
        is_whole(&path, size).then_some(path)
    }

    /// The content of an etag, if it is there whole.
    pub(super) fn has_blob(&self, etag: &str, size: Option<u64>) -> bool {
        is_whole(&self.blob(etag), size)
    }

    /// Where a download gathers; the name that `huggingface_hub` used to resume by. Without a lock
    /// each process needs a name of its own.
    pub(super) fn incomplete(&self, etag: &str, lock: &Lock) -> PathBuf {
        let own = if lock.is_held() { String::new() } else { format!(".{}", process::id()) };
        self.folder.join("blobs").join(format!("{etag}{own}.incomplete"))
    }

    /// Takes the lock of an etag, waiting for whoever has it, and makes the folders that a download
    /// needs.
    pub(super) fn lock(&self, etag: &str) -> Result<Lock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        self.make_folder(&self.folder.join("blobs"))?;
        self.make_folder(&self.locks)?;
        let tag = self.root.join("CACHEDIR.TAG");
        if !tag.exists() && fs::write(&tag, CACHE_TAG).is_err() {
            tracing::debug!(path = %tag.display(), "cannot write the cache directory tag");
        }
        Lock::acquire(&path).map_err(|cause| self.disk("lock", &path, cause))
    }

    /// Moves a finished download to its etag's name.
    pub(super) fn keep(&self, incomplete: &Path, etag: &str) -> Result<(), HubError> {
        let blob = self.blob(etag);
        fs::rename(incomplete, &blob)
            .and_then(|()| sync_folder(&blob))
            .map_err(|cause| self.disk("write", &blob, cause))
    }

    /// Makes the file's name at a commit point to the etag's content, and says where it is.
    pub(super) fn point(&self, commit: &str, file: &str, etag: &str) -> Result<PathBuf, HubError> {
        let pointer = self.pointer(commit, file);
        let up = "../".repeat(2 + file.matches('/').count());
        let target = format!("{up}blobs/{etag}");
        self.make_folder(pointer.parent().unwrap_or(&self.root))?;
        place(&self.blob(etag), Path::new(&target), &pointer, symlink)
            .map_err(|cause| self.disk("write", &pointer, cause))?;
        Ok(pointer)
    }

    /// Remembers which commit a branch or tag stands for.
    pub(super) fn write_ref(&self, revision: &str, commit: &str) -> io::Result<()> {
        if self.commit(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        let aside = aside(&path);
        fs::write(&aside, commit)?;
        fs::rename(&aside, &path)
    }

    /// Whether the hub once said that this commit has no such file; a commit never changes.
    pub(super) fn is_known_missing(&self, commit: &str, file: &str) -> bool {
        self.no_exist(commit, file).is_file()
    }

    /// Remembers that a commit has no such file.
    pub(super) fn mark_missing(&self, commit: &str, file: &str) -> io::Result<()> {
        let path = self.no_exist(commit, file);
        fs::create_dir_all(path.parent().unwrap_or(&self.root))?;
        File::create(path).map(drop)
    }

    /// An error of the cache folder.
    pub(super) fn disk(&self, action: &'static str, path: &Path, cause: io::Error) -> HubError {
        HubError::Disk { action, path: path.to_owned(), cache: self.root.clone(), cause }
    }

    fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    fn pointer(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit).join(file)
    }

    fn no_exist(&self, commit: &str, file: &str) -> PathBuf {
        self.folder.join(".no_exist").join(commit).join(file)
    }

    fn make_folder(&self, path: &Path) -> Result<(), HubError> {
        fs::create_dir_all(path).map_err(|cause| self.disk("create", path, cause))
    }
}

/// Whether a revision is a full commit hash, as `huggingface_hub`'s `REGEX_COMMIT_HASH`.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_whole(path: &Path, size: Option<u64>) -> bool {
    fs::metadata(path)
        .is_ok_and(|found| found.is_file() && size.is_none_or(|size| size == found.len()))
}

/// Links `pointer` to `target`; where links cannot be made, as on some network disks, moves the
/// content there instead.
fn place(
    blob: &Path,
    target: &Path,
    pointer: &Path,
    link: impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let aside = aside(pointer);
    match link(target, &aside) {
        Ok(()) => fs::rename(&aside, pointer),
        Err(error) => {
            tracing::debug!(%error, "the cache folder takes no symbolic links: moving the file");
            fs::rename(blob, pointer)
        }
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

/// A name beside `path` that no other process or thread takes.
fn aside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{count}.tmp", process::id()))
}

/// Makes a rename in the file's folder survive a power cut; only Unix lets folders be opened for
/// that.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_symlinks_the_content_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let [blob, pointer] = ["blob", "pointer"].map(|name| folder.path().join(name));
        fs::write(&blob, "content").unwrap();
        let refuse = |_: &Path, _: &Path| Err(io::ErrorKind::Unsupported.into());
        place(&blob, Path::new("../blob"), &pointer, refuse).unwrap();
        assert_eq!(fs::read_to_string(pointer).unwrap(), "content");
        assert!(!blob.exists());
    }

    #[test]
    fn ref_that_is_no_commit_is_no_ref() {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(folder.path(), "org/name");
        let commit = "0123456789abcdef0123456789abcdef01234567";
        cache.write_ref("refs/pr/15", commit).unwrap();
        assert_eq!(cache.commit("refs/pr/15").as_deref(), Some(commit));
        fs::write(folder.path().join("models--org--name/refs/refs/pr/15"), "../../x").unwrap();
        assert_eq!(cache.commit("refs/pr/15"), None);
    }
}
