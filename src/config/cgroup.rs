//! How much memory the process may use: what its control groups allow, or what the machine has.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Bytes that the process may use, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// Bytes.
    pub bytes: u64,
    /// Who says so.
    pub origin: LimitOrigin,
}

/// Who limits the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitOrigin {
    /// `--memory-limit`.
    Setting,
    /// A control group, by this file.
    ControlGroup(PathBuf),
    /// The machine has no more.
    Machine,
    /// Nobody: the system does not tell, so it is assumed.
    Assumed,
}

impl fmt::Display for LimitOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting => f.write_str("--memory-limit"),
            Self::ControlGroup(file) => write!(f, "{}", file.display()),
            Self::Machine => f.write_str("the machine's memory"),
            Self::Assumed => f.write_str("assumed, since the system does not tell"),
        }
    }
}

/// What is assumed where neither control groups nor `/proc` are, as on macOS.
const ASSUMED: u64 = 4 << 30;

/// The tightest limit that holds for this process. `root` is `/`, but in tests.
pub(super) fn memory_limit(root: &Path) -> MemoryLimit {
    let machine = machine(root).map(|bytes| MemoryLimit { bytes, origin: LimitOrigin::Machine });
    let groups = limits(root).into_iter().map(|(file, bytes)| MemoryLimit {
        bytes,
        origin: LimitOrigin::ControlGroup(Path::new("/").join(file)),
    });
    let tightest = groups.chain(machine).min_by_key(|limit| limit.bytes);
    tightest.unwrap_or(MemoryLimit { bytes: ASSUMED, origin: LimitOrigin::Assumed })
}

/// Limits of the group of this process and of the groups around it, by their files.
fn limits(root: &Path) -> Vec<(PathBuf, u64)> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        // `ID:CONTROLLERS:PATH`; version 2 has the id 0 and names no controllers.
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(group)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // Within a container the path may be the host's, of which only the end is mounted: then
        // the folders do not exist, and the last one, the mount itself, is the container's group.
        for group in Path::new(group).ancestors() {
            let group = group.strip_prefix("/").unwrap_or(group);
            let file = Path::new(mount).join(group).join(file);
            // `max`, and the largest number of version 1, are no limits.
            let limit = fs::read_to_string(root.join(&file)).ok();
            if let Some(bytes) = limit.and_then(|limit| limit.trim().parse().ok()) {
                limits.push((file, bytes));
            }
        }
    }
    limits
}

/// Bytes of memory of the machine.
fn machine(root: &Path) -> Option<u64> {
    let info = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn limit(files: &[(&str, &str)]) -> (u64, String) {
        let limit = memory_limit(root(files).path());
        (limit.bytes, limit.origin.to_string())
    }

    const MACHINE: (&str, &str) = ("proc/meminfo", "MemTotal:  8000000 kB\nMemFree: 1 kB\n");

    #[test]
    fn the_tightest_group_of_version_2_counts() {
        let files = [
            MACHINE,
            ("proc/self/cgroup", "0::/kubepods/pod1/app\n"),
            ("sys/fs/cgroup/kubepods/pod1/app/memory.max", "max\n"),
            ("sys/fs/cgroup/kubepods/pod1/memory.max", "3221225472\n"),
            ("sys/fs/cgroup/kubepods/memory.max", "4294967296\n"),
        ];
        let file = "/sys/fs/cgroup/kubepods/pod1/memory.max".to_owned();
        assert_eq!(limit(&files), (3 << 30, file));
    }

    #[test]
    fn a_container_of_version_2_sees_its_own_group_at_the_mount() {
        let files =
            [MACHINE, ("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "1073741824\n")];
        assert_eq!(limit(&files).0, 1 << 30);
    }

    #[test]
    fn version_1_is_read_too_and_its_no_limit_is_none() {
        let no_limit = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n");
        assert_eq!(
            limit(&[MACHINE, group, no_limit]),
            (8_192_000_000, "the machine's memory".into())
        );
        let own = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
        assert_eq!(limit(&[MACHINE, group, own]).0, 2 << 30);
    }

    #[test]
    fn without_groups_the_machine_counts_and_without_that_a_guess() {
        assert_eq!(limit(&[MACHINE]).0, 8_192_000_000);
        assert_eq!(limit(&[]).0, ASSUMED);
    }
}
