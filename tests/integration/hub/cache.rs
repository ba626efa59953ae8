//! The cache is the one that Python's `huggingface_hub` keeps, and it saves requests.

use std::{fs, os::unix::fs::symlink, path::Path, sync::Barrier, thread};

use inference_service::model::hub::HubError;

use super::{Bench, TOKEN, WEIGHTS};
use crate::hub_server::{COMMIT, Fault, REPO, Role, git_blob, sha256};

const NEXT_COMMIT: &str = "fedcba9876543210fedcba9876543210fedcba98";

#[test]
fn large_file_is_laid_out_as_huggingface_hub_does() {
    let (bench, content) = Bench::with_weights();
    let path = bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    let etag = sha256(&content);
    assert_eq!(path, bench.stored(&format!("snapshots/{COMMIT}/{WEIGHTS}")));
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(fs::read_link(&path).unwrap(), Path::new(&format!("../../blobs/{etag}")));
    assert_eq!(fs::read_to_string(bench.stored("refs/main")).unwrap(), COMMIT);
    assert!(bench.cache().join(".locks/models--org--name").join(format!("{etag}.lock")).exists());
    assert_eq!(fs::read_dir(bench.stored("blobs")).unwrap().count(), 1, "nothing is left over");
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn small_file_in_a_folder_keeps_its_folder() {
    let bench = Bench::new();
    bench.server.small("sub/config.json", b"{}\n");
    let path = bench.hub().repo(REPO, "refs/pr/15").unwrap().get("sub/config.json").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"{}\n");
    let target = format!("../../../blobs/{}", git_blob(b"{}\n"));
    assert_eq!(fs::read_link(&path).unwrap(), Path::new(&target));
    assert_eq!(fs::read_to_string(bench.stored("refs/refs/pr/15")).unwrap(), COMMIT);
    assert!(bench.server.state().seen[0].path.contains("/resolve/refs%2Fpr%2F15/sub/config.json"));
}

#[test]
fn empty_file_is_a_file() {
    let bench = Bench::new();
    bench.server.small("merges.txt", b"");
    let path = bench.hub().repo(REPO, "main").unwrap().get("merges.txt").unwrap();
    assert_eq!(fs::read(path).unwrap(), b"");
}

#[test]
fn token_goes_to_the_hub_and_never_to_its_storage() {
    let (bench, _) = Bench::with_weights();
    bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    for seen in &bench.server.state().seen {
        let expected = (seen.role == Role::Hub).then(|| format!("Bearer {TOKEN}"));
        assert_eq!(seen.authorization, expected, "{seen:?}");
    }
    assert_eq!(bench.server.count("GET"), (1, 1));
}

#[test]
fn cached_file_of_a_branch_costs_one_question() {
    let (bench, _) = Bench::with_weights();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    let first = repo.get(WEIGHTS).unwrap();
    assert_eq!(repo.get(WEIGHTS).unwrap(), first);
    assert_eq!(bench.server.count("HEAD"), (2, 0));
    assert_eq!(bench.server.count("GET"), (1, 1));
}

#[test]
fn cached_file_of_a_commit_costs_no_request() {
    let (bench, _) = Bench::with_weights();
    bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    bench.server.state().seen.clear();
    bench.hub().repo(REPO, COMMIT).unwrap().get(WEIGHTS).unwrap();
    assert!(bench.server.state().seen.is_empty());
    assert!(!bench.stored("refs").join(COMMIT).exists());
}

#[test]
fn branch_that_moved_on_brings_the_new_file_and_keeps_the_old() {
    let (bench, old) = Bench::with_weights();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    let before = repo.get(WEIGHTS).unwrap();
    bench.server.large(WEIGHTS, b"new");
    bench.server.state().commit = NEXT_COMMIT.to_owned();
    let after = repo.get(WEIGHTS).unwrap();
    assert_eq!((fs::read(before).unwrap(), fs::read(after).unwrap()), (old, b"new".to_vec()));
    assert_eq!(fs::read_to_string(bench.stored("refs/main")).unwrap(), NEXT_COMMIT);
}

#[test]
fn same_content_at_another_commit_is_not_fetched_again() {
    let (bench, _) = Bench::with_weights();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    repo.get(WEIGHTS).unwrap();
    bench.server.state().commit = NEXT_COMMIT.to_owned();
    let path = repo.get(WEIGHTS).unwrap();
    assert!(path.to_str().unwrap().contains(NEXT_COMMIT));
    assert_eq!(bench.server.count("GET"), (1, 1));
}

#[test]
fn failed_download_of_a_new_commit_leaves_the_branch_where_it_was() {
    let (bench, _) = Bench::with_weights();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    repo.get(WEIGHTS).unwrap();
    bench.server.large(WEIGHTS, b"new");
    bench.server.state().commit = NEXT_COMMIT.to_owned();
    bench.server.get_faults([Fault::Wrong, Fault::Wrong]);
    assert!(matches!(repo.get(WEIGHTS), Err(HubError::Corrupt { .. })));
    assert_eq!(fs::read_to_string(bench.stored("refs/main")).unwrap(), COMMIT);
}

#[test]
fn truncated_file_in_the_cache_is_replaced() {
    let (bench, content) = Bench::with_weights();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    let path = repo.get(WEIGHTS).unwrap();
    fs::write(bench.stored("blobs").join(sha256(&content)), &content[..10]).unwrap();
    assert_eq!(fs::read(repo.get(WEIGHTS).unwrap()).unwrap(), content);
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn cache_made_by_python_is_used_as_it_is() {
    let (bench, content) = Bench::with_weights();
    let etag = sha256(&content);
    for folder in ["blobs", "refs", &format!("snapshots/{COMMIT}")] {
        fs::create_dir_all(bench.stored(folder)).unwrap();
    }
    fs::write(bench.stored("blobs").join(&etag), &content).unwrap();
    fs::write(bench.stored("refs/main"), COMMIT).unwrap();
    let pointer = bench.stored(&format!("snapshots/{COMMIT}/{WEIGHTS}"));
    symlink(format!("../../blobs/{etag}"), &pointer).unwrap();
    assert_eq!(bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap(), pointer);
    assert_eq!(bench.server.count("GET"), (0, 0));
}

#[test]
fn renamed_repository_is_followed() {
    let (bench, content) = Bench::with_weights();
    bench.server.state().former = Some("old/name".to_owned());
    let path = bench.hub().repo("old/name", "main").unwrap().get(WEIGHTS).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn missing_file_is_remembered_for_its_commit() {
    let (bench, _) = Bench::with_weights();
    let hub = bench.hub();
    let missing = |revision| hub.repo(REPO, revision).unwrap().get("absent.bin").unwrap_err();
    assert!(matches!(missing("main"), HubError::FileNotFound(_)));
    assert!(bench.stored(&format!(".no_exist/{COMMIT}/absent.bin")).is_file());
    assert!(matches!(missing(COMMIT), HubError::FileNotFound(_)));
    assert_eq!(bench.server.count("HEAD"), (1, 0), "a commit never changes");
}

/// Each hub opens the lock file for itself, and `flock` keeps openings apart, not processes: two
/// threads are as good.
#[test]
fn two_at_once_fetch_the_file_once() {
    let (bench, content) = Bench::with_weights();
    bench.server.get_faults([Fault::AwaitHeads(2)]);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait();
                let path = bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
                assert_eq!(fs::read(path).unwrap(), content);
            });
        }
    });
    assert_eq!(bench.server.count("HEAD"), (2, 0));
    assert_eq!(bench.server.count("GET"), (1, 1));
}
