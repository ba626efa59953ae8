//! Finds files in folders, in one order whatever the file system: by the bytes of their names.
//!
//! Bounded in memory: of a folder at most [`PORTION`] names are held, and a larger one is read again
//! for each further portion. Links are followed; each folder is visited once, by the first path that
//! leads there, so that loops end. Names that begin with a dot are passed over unless they are named
//! by the caller.

use std::{
    collections::{BinaryHeap, HashSet},
    ffi::OsString,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    vec,
};

use super::record::key;

/// Most names of a folder that are held at a time: a few megabytes.
pub const PORTION: usize = 1 << 16;

/// What the walk meets.
#[derive(Debug)]
pub enum Step {
    /// A file.
    File {
        /// As the caller would write it.
        path: PathBuf,
        /// Whether the caller has named it, rather than a folder that it is in.
        named: bool,
    },
    /// Neither a file nor a folder: a device, a link to nothing.
    Other(PathBuf),
    /// What cannot be looked at, and why.
    Failed(PathBuf, io::Error),
}

/// A walk over files and folders, in the order in which they are named. A path that was met before
/// is passed over.
#[derive(Debug)]
pub struct Walk {
    roots: vec::IntoIter<PathBuf>,
    /// From the outermost folder to the one that is being read.
    folders: Vec<Folder>,
    /// Device and inode of the folders that were visited.
    visited: HashSet<(u64, u64)>,
    /// Hashes of the paths of files that were met.
    met: HashSet<u64>,
    portion: usize,
}

impl Walk {
    /// A walk over `roots`.
    pub fn new(roots: Vec<PathBuf>) -> Self {
        Self::in_portions(roots, PORTION)
    }

    /// The same with another size of portions, at least 1.
    pub fn in_portions(roots: Vec<PathBuf>, portion: usize) -> Self {
        let (roots, portion) = (roots.into_iter(), portion.max(1));
        let (folders, visited, met) = (Vec::new(), HashSet::new(), HashSet::new());
        Self { roots, folders, visited, met, portion }
    }

    /// What is at `path`; none for a folder, which is walked next, and for what was met before.
    fn look(&mut self, path: PathBuf, named: bool) -> Option<Step> {
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            // A link to nothing, or what was deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !named => {
                return Some(Step::Other(path));
            }
            Err(error) => return Some(Step::Failed(path, error)),
        };
        if metadata.is_dir() {
            if self.visited.insert((metadata.dev(), metadata.ino())) {
                self.folders.push(Folder::new(path));
            }
            return None;
        }
        if !metadata.is_file() {
            return Some(Step::Other(path));
        }
        self.met.insert(key(&path)).then_some(Step::File { path, named })
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let (path, named) = match self.folders.last_mut() {
                None => (self.roots.next()?, true),
                Some(folder) => match folder.next(self.portion) {
                    Ok(Some(name)) => (folder.path.join(name), false),
                    Ok(None) => {
                        self.folders.pop();
                        continue;
                    }
                    Err(error) => {
                        let failed = self.folders.pop()?;
                        return Some(Step::Failed(failed.path, error));
                    }
                },
            };
            if let Some(step) = self.look(path, named) {
                return Some(step);
            }
        }
    }
}

/// A folder that is being read.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    names: vec::IntoIter<OsString>,
    /// The last of the names that were read.
    last: Option<OsString>,
    is_read: bool,
}

impl Folder {
    fn new(path: PathBuf) -> Self {
        Self { path, names: Vec::new().into_iter(), last: None, is_read: false }
    }

    fn next(&mut self, portion: usize) -> io::Result<Option<OsString>> {
        if self.names.len() == 0 && !self.is_read {
            let names = least(&self.path, self.last.take(), portion)?;
            self.is_read = names.len() < portion;
            self.last = names.last().cloned();
            self.names = names.into_iter();
        }
        Ok(self.names.next())
    }
}

/// The least names of `folder` that come after `last`, in order.
fn least(folder: &Path, last: Option<OsString>, most: usize) -> io::Result<Vec<OsString>> {
    let mut names = BinaryHeap::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        if is_hidden || last.as_ref().is_some_and(|last| name <= *last) {
            continue;
        }
        if names.len() < most {
            names.push(name);
        } else if let Some(mut greatest) = names.peek_mut()
            && name < *greatest
        {
            *greatest = name;
        }
    }
    Ok(names.into_sorted_vec())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        os::unix::fs::symlink,
    };

    use super::*;

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["b", "b/deep", "empty", ".hidden", "z"] {
            fs::create_dir(path(folder)).unwrap();
        }
        for file in ["a", "b/2", "b/10", "b/deep/x", "b.jpg", ".dot", ".hidden/y", "z/1", "é"] {
            File::create(path(file)).unwrap();
        }
        root
    }

    fn walk(root: &Path, roots: &[&str], portion: usize) -> Vec<String> {
        let relative = |path: &Path| path.strip_prefix(root).unwrap().display().to_string();
        let roots = roots.iter().map(|name| root.join(name)).collect();
        let tell = |step| match step {
            Step::File { path, named } => relative(&path) + if named { " (named)" } else { "" },
            Step::Other(path) => format!("other {}", relative(&path)),
            Step::Failed(path, error) => format!("failed {} {:?}", relative(&path), error.kind()),
        };
        Walk::in_portions(roots, portion).map(tell).collect()
    }

    #[test]
    fn files_come_by_name_whatever_the_portions() {
        let root = tree();
        let expected = ["a", "b/10", "b/2", "b/deep/x", "b.jpg", "z/1", "é"];
        for portion in [1, 2, 3, 100] {
            assert_eq!(walk(root.path(), &[""], portion), expected, "{portion}");
        }
    }

    #[test]
    fn what_is_named_is_taken_even_if_hidden_and_only_once() {
        let root = tree();
        let found = walk(root.path(), &["z", ".dot", ".hidden", "z/1", "b/2", "b", "no"], 9);
        let expected = ["z/1", ".dot (named)", ".hidden/y", "b/2 (named)", "b/10", "b/deep/x"];
        assert_eq!(found[..6], expected);
        assert_eq!(found[6..], ["failed no NotFound"]);
    }

    #[test]
    fn loops_end_and_a_link_to_nothing_is_no_file() {
        let root = tree();
        let link = |to: &str, name: &str| symlink(root.path().join(to), root.path().join(name));
        link("", "b/loop").unwrap();
        link("z", "b/zz").unwrap();
        link("a", "b/link").unwrap();
        link("nothing", "b/broken").unwrap();
        let expected =
            ["a", "b/10", "b/2", "other b/broken", "b/deep/x", "b/link", "b/zz/1", "b.jpg", "é"];
        assert_eq!(walk(root.path(), &[""], 3), expected);
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_told_and_the_walk_goes_on() {
        use std::os::unix::fs::PermissionsExt;
        let root = tree();
        let set =
            |mode| fs::set_permissions(root.path().join("b"), fs::Permissions::from_mode(mode));
        set(0).unwrap();
        let found = walk(root.path(), &[""], 9);
        set(0o755).unwrap();
        // Root may read everything.
        if found.len() == 4 {
            assert_eq!(found, ["a", "failed b PermissionDenied", "b.jpg", "z/1", "é"]);
        }
    }
}
