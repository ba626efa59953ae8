//! The lock that keeps two processes from downloading the same file: an advisory lock on
//! `ETAG.lock`, which on Unix is the `flock` that Python's `filelock` takes too. Released when
//! dropped, or by the kernel when the process dies.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    path::Path,
};

/// A held lock, or the knowledge that this file system has none.
pub(super) struct Lock(Option<File>);

impl Lock {
    /// Waits until the lock is free and takes it.
    pub(super) fn acquire(path: &Path) -> io::Result<Self> {
        loop {
            let file = open(path)?;
            match wait(&file, path) {
                Ok(()) if is_linked(&file)? => return Ok(Self(Some(file))),
                Ok(()) => continue,
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    tracing::warn!(path = %path.display(), "this file system has no locks");
                    return Ok(Self(None));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether other processes are kept out.
    pub(super) fn is_held(&self) -> bool {
        self.0.is_some()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn wait(file: &File, path: &Path) -> io::Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let path = path.display();
            tracing::info!(%path, "another process downloads this file: waiting for it");
            file.lock()
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Whether the locked file still has its name: one that was deleted while we waited guards nothing.
#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0)
}

#[cfg(not(unix))]
fn is_linked(_: &File) -> io::Result<bool> {
    Ok(true)
}
