//! A value that stands in files and is made anew when they change, so that keys and certificates are
//! rotated without a restart.
//!
//! Files are compared by what they hold: that sees a file written in place, one moved over it, and
//! the links that Kubernetes turns round. What cannot be used is told once, and the old value stays.

use std::{
    fmt::Display,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use sha2::{Digest, Sha256};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Most bytes of a file: what is larger holds neither keys nor certificates.
const MOST: u64 = 1 << 20;

/// What the files hold, or why they cannot be read, in the order of their paths.
pub(super) type Contents = [io::Result<Vec<u8>>];

/// Makes a value of what the files hold.
type Make<T, E> = Box<dyn Fn(&Contents) -> Result<T, E> + Send + Sync>;

/// See the module.
pub(super) struct Reloaded<T, E> {
    /// What it is, for the log.
    what: &'static str,
    paths: Vec<PathBuf>,
    make: Make<T, E>,
    value: RwLock<Arc<T>>,
    looks: Mutex<Looks>,
}

/// What was found in the files, by digest.
#[derive(Debug)]
struct Looks {
    /// What is in force, or was told to be of no use.
    settled: [u8; 32],
    /// What was of no use at the last look: files may be half written then, or one of two.
    suspect: Option<[u8; 32]>,
}

impl<T, E: Display> Reloaded<T, E> {
    /// What `make` makes of the files at `paths`; the log calls it `what`.
    ///
    /// # Errors
    /// That of `make`.
    pub(super) fn new(
        what: &'static str,
        paths: Vec<PathBuf>,
        make: impl Fn(&Contents) -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, E> {
        let contents = read(&paths);
        let value = make(&contents)?;
        Ok(Self {
            what,
            paths,
            make: Box::new(make),
            value: RwLock::new(Arc::new(value)),
            looks: Mutex::new(Looks { settled: digest(&contents), suspect: None }),
        })
    }

    /// The value in force.
    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.value.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files once, and says in the log what came of a change.
    fn look(&self) {
        let contents = read(&self.paths);
        let found = digest(&contents);
        let mut looks = self.looks();
        if found == looks.settled {
            looks.suspect = None;
            return;
        }
        match (self.make)(&contents) {
            Ok(value) => {
                *self.value.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                *looks = Looks { settled: found, suspect: None };
                tracing::info!(what = self.what, "changed files are in force");
            }
            Err(error) if looks.suspect == Some(found) => {
                *looks = Looks { settled: found, suspect: None };
                tracing::warn!(what = self.what, %error, "changed files are of no use: what they held before stays in force");
            }
            Err(_) => looks.suspect = Some(found),
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        // Each change is complete in itself.
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static, E: Display + 'static> Reloaded<T, E> {
    /// Follows the files for as long as the runtime lives.
    pub(super) async fn follow(self: Arc<Self>) {
        if self.paths.is_empty() {
            return;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            let this = Arc::clone(&self);
            // A disk may take its time. A panic has been logged and must not end the looking.
            let _ = tokio::task::spawn_blocking(move || this.look()).await;
        }
    }
}

fn read(paths: &[PathBuf]) -> Vec<io::Result<Vec<u8>>> {
    paths.iter().map(|path| read_one(path)).collect()
}

fn read_one(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MOST {
        return Err(io::Error::other(format!("it has more than {MOST} bytes")));
    }
    Ok(content)
}

/// Of all contents, each apart from the next.
fn digest(contents: &Contents) -> [u8; 32] {
    let mut all = Sha256::new();
    for content in contents {
        match content {
            Ok(bytes) => {
                all.update((bytes.len() as u64).to_le_bytes());
                all.update(bytes);
            }
            Err(error) => all.update(error.to_string()),
        }
    }
    all.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(path: &Path) -> Result<Reloaded<u32, String>, String> {
        Reloaded::new("a number", vec![path.to_owned()], |contents| {
            let content = contents[0].as_ref().map_err(io::Error::to_string)?;
            str::from_utf8(content).ok().and_then(|text| text.parse().ok()).ok_or("no".to_owned())
        })
    }

    #[test]
    fn a_change_is_taken_in_and_what_is_of_no_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        assert!(number(&path).is_err());
        std::fs::write(&path, "1").unwrap();
        let value = number(&path).unwrap();
        let after = |change: &dyn Fn()| {
            change();
            value.look();
            *value.current()
        };
        assert_eq!(after(&|| ()), 1);
        // The same length, perhaps the same time.
        assert_eq!(after(&|| std::fs::write(&path, "2").unwrap()), 2);
        assert_eq!(after(&|| std::fs::write(&path, "x").unwrap()), 2);
        assert!(value.looks().suspect.is_some(), "half written, perhaps");
        assert_eq!(after(&|| ()), 2);
        assert!(value.looks().suspect.is_none(), "told");
        assert_eq!(after(&|| std::fs::remove_file(&path).unwrap()), 2);
        assert_eq!(after(&|| std::fs::write(&path, "3").unwrap()), 3);
        assert_eq!(after(&|| std::fs::write(&path, vec![b'1'; 2 << 20]).unwrap()), 3);
    }

    #[test]
    fn links_that_are_turned_round_are_a_change() {
        use std::os::unix::fs::symlink;
        // As Kubernetes does it: FILE -> ..data/FILE, ..data -> a folder of the version.
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["1", "2"] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("number"), version).unwrap();
        }
        symlink("1", at("..data")).unwrap();
        symlink("..data/number", at("number")).unwrap();
        let value = number(&at("number")).unwrap();
        symlink("2", at("..tmp")).unwrap();
        std::fs::rename(at("..tmp"), at("..data")).unwrap();
        value.look();
        assert_eq!(*value.current(), 2);
    }
}
