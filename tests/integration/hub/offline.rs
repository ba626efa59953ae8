//! Without the hub, what is cached is used; what is not, is an error that says how to do without.

use std::fs;

use inference_service::model::hub::{Hub, HubError, Settings};

use super::{Bench, WEIGHTS};
use crate::hub_server::{COMMIT, Fault, REPO, nobody};

/// A cache that holds the weights, and the settings of a hub that nobody answers for.
fn filled() -> (Bench, Settings, Vec<u8>) {
    let (bench, content) = Bench::with_weights();
    bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    bench.server.state().seen.clear();
    let settings = Settings { endpoint: nobody(), ..bench.settings() };
    (bench, settings, content)
}

#[test]
fn offline_uses_the_cache_and_makes_no_request() {
    let (bench, _, content) = filled();
    let hub = Hub::new(Settings { offline: true, ..bench.settings() });
    for revision in ["main", COMMIT] {
        let path = hub.repo(REPO, revision).unwrap().get(WEIGHTS).unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
    }
    assert!(bench.server.state().seen.is_empty());
}

#[test]
fn offline_without_the_file_says_how_to_do_without() {
    let bench = Bench::new();
    let hub = Hub::new(Settings { offline: true, ..bench.settings() });
    let error = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err();
    assert_eq!(error.code(), "hub_offline");
    let message = error.to_string();
    let cache = bench.cache().to_str().unwrap();
    for part in [cache, "HF_HUB_OFFLINE", "HF_HUB_CACHE", "local-dir:PATH", "--pretrained random"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(bench.server.state().seen.is_empty());
}

#[test]
fn unreachable_hub_leaves_the_cached_file_after_one_attempt() {
    let (bench, settings, content) = filled();
    let hub = Hub::new(settings);
    let path = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert!(bench.pauses().is_empty());
}

#[test]
fn unreachable_hub_without_a_cached_file_names_mirror_and_proxy() {
    let bench = Bench::new();
    let hub = Hub::new(Settings { endpoint: nobody(), ..bench.settings() });
    let error = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err();
    assert_eq!(error.code(), "hub_unreachable");
    assert_eq!(bench.pauses(), [1, 2, 4, 8]);
    let message = error.to_string();
    for part in ["5 attempts", WEIGHTS, "HF_ENDPOINT", "HTTPS_PROXY", "--pretrained random"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn failing_or_refusing_hub_leaves_the_cached_file() {
    let refused = Fault::Status(401, Some("RepoNotFound"));
    let gated = Fault::Status(403, Some("GatedRepo"));
    for fault in [Fault::Status(500, None), refused, gated, Fault::Status(401, None), Fault::Portal]
    {
        let (bench, _, content) = filled();
        bench.server.head_faults([fault]);
        let path = bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
        assert_eq!(bench.server.count("HEAD"), (1, 0));
    }
}

#[test]
fn hub_that_did_not_answer_is_not_asked_again() {
    let (bench, _, _) = filled();
    bench.server.head_faults([Fault::Status(500, None)]);
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    repo.get(WEIGHTS).unwrap();
    repo.get(WEIGHTS).unwrap();
    assert_eq!(bench.server.count("HEAD"), (1, 0), "a start waits for a dead network once");
}

#[test]
fn file_that_left_the_repository_is_not_served_from_the_cache() {
    let (bench, _, _) = filled();
    bench.server.state().large.clear();
    let error = bench.hub().repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err();
    assert!(matches!(error, HubError::FileNotFound(_)), "{error}");
}

#[test]
fn first_that_exists_is_taken() {
    let (bench, content) = Bench::with_weights();
    bench.server.large("pytorch_model.bin", b"other");
    let hub = bench.hub();
    let files = ["absent.safetensors", WEIGHTS, "pytorch_model.bin"];
    let (path, place) = hub.repo(REPO, "main").unwrap().first_of(&files).unwrap();
    assert_eq!((fs::read(path).unwrap(), place), (content, 1));
}

#[test]
fn first_of_none_lists_all_that_was_tried() {
    let bench = Bench::new();
    let error = bench.hub().repo(REPO, "main").unwrap().first_of(&["a.bin", "b.bin"]).unwrap_err();
    assert_eq!(error.code(), "hub_file_not_found");
    assert!(error.to_string().contains("no a.bin, b.bin of org/name at revision main"), "{error}");
}

#[test]
fn first_that_is_cached_is_taken_while_the_hub_is_out_of_reach() {
    let (bench, unreachable, content) = filled();
    let offline = Settings { offline: true, ..bench.settings() };
    for settings in [unreachable, offline] {
        let hub = Hub::new(settings);
        let (path, place) = hub.repo(REPO, "main").unwrap().first_of(&["better", WEIGHTS]).unwrap();
        assert_eq!((fs::read(path).unwrap(), place), (content.clone(), 1));
        assert!(bench.pauses().is_empty());
    }
}

#[test]
fn first_of_none_offline_lists_all_that_was_tried() {
    let bench = Bench::new();
    let hub = Hub::new(Settings { offline: true, ..bench.settings() });
    let error = hub.repo(REPO, "main").unwrap().first_of(&["a.bin", "b.bin"]).unwrap_err();
    assert_eq!(error.code(), "hub_offline");
    assert!(error.to_string().contains("a.bin, b.bin of org/name"), "{error}");
}
