//! Each refusal of the hub is told apart, says what to do, and never shows the token.

use std::error::Error;

use inference_service::model::hub::{Hub, HubError, Settings};

use super::{Bench, TOKEN, WEIGHTS};
use crate::hub_server::{Fault, REPO};

fn refused(fault: Fault, with_token: bool) -> HubError {
    let (bench, _) = Bench::with_weights();
    bench.server.head_faults([fault]);
    let mut settings = bench.settings();
    if !with_token {
        settings.token = None;
    }
    let error = Hub::new(settings).repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err();
    let shown = format!("{error} {error:?} {:?}", error.source());
    assert!(!shown.contains(TOKEN), "{shown}");
    assert!(bench.pauses().is_empty(), "the hub's last word is not asked for again");
    error
}

#[test]
fn refusals_are_told_apart() {
    for (status, error_code, code) in [
        (401, Some("RepoNotFound"), "hub_repo_not_found"),
        (404, Some("RepoNotFound"), "hub_repo_not_found"),
        (404, Some("RevisionNotFound"), "hub_revision_not_found"),
        (404, Some("EntryNotFound"), "hub_file_not_found"),
        (404, None, "hub_file_not_found"),
        (401, Some("GatedRepo"), "hub_gated"),
        (403, Some("GatedRepo"), "hub_gated"),
        (401, None, "hub_denied"),
        (403, None, "hub_denied"),
        (400, None, "hub_protocol"),
    ] {
        let error = refused(Fault::Status(status, error_code), true);
        assert_eq!(error.code(), code, "{status} {error_code:?}: {error}");
        assert!(error.to_string().contains(WEIGHTS), "{error}");
    }
}

#[test]
fn refusal_without_a_token_asks_for_one() {
    for code in [None, Some("GatedRepo"), Some("RepoNotFound")] {
        let message = refused(Fault::Status(401, code), false).to_string();
        assert!(message.contains("set HF_TOKEN"), "{message}");
    }
}

#[test]
fn refusal_with_a_token_doubts_the_token() {
    let message = refused(Fault::Status(403, Some("GatedRepo")), true).to_string();
    assert!(message.contains("gated") && message.contains("the token that was sent"), "{message}");
}

#[test]
fn unknown_repository_is_named() {
    let bench = Bench::new();
    let error = bench.hub().repo("org/other", "main").unwrap().get(WEIGHTS).unwrap_err();
    assert_eq!(error.code(), "hub_repo_not_found");
    assert!(error.to_string().contains("no repository org/other"), "{error}");
}

#[test]
fn captive_portal_is_no_hub() {
    let error = refused(Fault::Portal, true);
    assert_eq!(error.code(), "hub_protocol");
    assert!(error.to_string().contains("x-repo-commit"), "{error}");
}

#[test]
fn names_that_leave_the_cache_are_refused_without_a_request() {
    let bench = Bench::new();
    let hub = bench.hub();
    let repo = hub.repo(REPO, "main").unwrap();
    for file in
        ["../x", "a/../../x", "/etc/passwd", "", "a/", "..\\x", "C:x", "a\nb", "./x", "a//x"]
    {
        assert_eq!(repo.get(file).unwrap_err().code(), "hub_name", "{file:?}");
    }
    for id in ["", "a/b/c", "../x", "a--b", "a/", "-a/b", "a b", "x.git"] {
        assert!(matches!(hub.repo(id, "main"), Err(HubError::Name { .. })), "{id:?}");
    }
    for revision in ["", "../x", "/x", "a\\b"] {
        assert!(matches!(hub.repo(REPO, revision), Err(HubError::Name { .. })), "{revision:?}");
    }
    assert!(bench.server.state().seen.is_empty());
}

#[test]
fn address_of_a_mirror_is_shown_without_its_password() {
    let bench = Bench::new();
    let endpoint = bench.server.endpoint().replace("http://", "http://me:pw@");
    let hub = Hub::new(Settings { endpoint, offline: true, ..bench.settings() });
    let message = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err().to_string();
    assert!(!message.contains("pw@"), "{message}");
}
