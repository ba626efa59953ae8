//! The subcommands, each as a person or a container runs it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::{
    hub_server::{HubServer, REPO},
    service::{Service, base64, binary},
    support::reference,
    weights::OPEN_CLIP_CONFIG,
};

fn run(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    binary().args(arguments).envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn a_payload_is_a_body_that_the_service_takes() {
    let photo = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/images/cat.png");
    let output = run(&["payload", photo], &[]);
    assert!(output.status.success());
    let body: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(body["images"][0] == base64(&crate::service::photo("cat.png")));
    let service = Service::tiny(&[]);
    assert_eq!(service.post("/embed/base64", "application/json", &output.stdout).status, 200);
}

#[test]
fn a_photo_that_is_not_there_is_named() {
    let output = run(&["payload", "no-such-photo.jpg"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no-such-photo.jpg"), "{}", text(&output.stderr));
    assert_eq!(run(&["payload"], &[]).status.code(), Some(64));
}

#[test]
fn health_asks_the_service_of_the_same_settings() {
    let service = Service::tiny(&[]);
    let port = service.api.port().to_string();
    let settings = [("PORT", port.as_str()), ("ADMIN_PORT", "0"), ("HOST", "0.0.0.0")];
    for arguments in [&["health"][..], &["health", "/livez"], &["health", "/health"]] {
        let output = run(arguments, &settings);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    }
    let output = run(&["health", "/no-such-path"], &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("404"), "{}", text(&output.stderr));
    drop(service);
    let output = run(&["health"], &settings);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("ADMIN_PORT"), "{}", text(&output.stderr));
}

#[test]
fn config_shows_each_setting_and_where_it_came_from() {
    let output = run(&["config", "--port", "1234"], &[("MAX_IMAGES", "7")]);
    assert!(output.status.success());
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    let line = |name: &str| lines.iter().find(|line| line.starts_with(name)).unwrap();
    assert!(line("PORT ").contains("1234") && line("PORT ").ends_with("--port"));
    assert!(line("MAX_IMAGES ").ends_with("the environment"));
    assert!(line("KEEP_ALIVE ").ends_with("default"));
    assert!(line("threads ").contains("memory limit"));
    let output = run(&["config"], &[("PORT", "no port"), ("MAX_IMAGES", "many")]);
    assert_eq!(output.status.code(), Some(64));
    assert!(text(&output.stderr).contains("2 wrong values"), "{}", text(&output.stderr));
}

#[test]
fn download_names_the_file_or_says_what_is_wrong_with_it() {
    let output = run(&["download", "--pretrained", "random"], &[]);
    assert!(output.status.success());
    assert!(text(&output.stdout).contains("nothing to fetch"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.safetensors");
    std::fs::write(&path, b"no checkpoint").unwrap();
    let output = run(&["download", "--pretrained", path.to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("damaged.safetensors"), "{}", text(&output.stderr));
}

#[test]
fn download_fills_the_cache_so_that_a_start_needs_no_network() {
    const WEIGHTS: &str = "open_clip_pytorch_model.bin";
    let weights = std::fs::read(reference().join("tiny").join(WEIGHTS)).unwrap();
    let (hub, home) = (HubServer::start(), tempfile::tempdir().unwrap());
    hub.small("open_clip_config.json", OPEN_CLIP_CONFIG.as_bytes());
    hub.large(WEIGHTS, &weights);
    let (name, home) = (format!("hf-hub:{REPO}"), home.path().to_str().unwrap());
    let online = [("HF_ENDPOINT", hub.endpoint()), ("HF_HOME", home)];
    let offline = [("HF_HUB_OFFLINE", "1"), ("HF_HOME", home)];
    assert_eq!(run(&["download", "--model-name", &name], &offline).status.code(), Some(1));
    let mut paths = Vec::new();
    for env in [&online, &offline] {
        let output = run(&["download", "--model-name", &name], env);
        assert!(output.status.success(), "{}", text(&output.stderr));
        paths.push(text(&output.stdout).trim().to_owned());
    }
    assert_eq!(paths[0], paths[1]);
    assert!(paths[0].starts_with(home) && std::fs::read(&paths[0]).unwrap() == weights);
}

#[test]
fn help_lists_the_subcommands() {
    let output = Command::new(binary().get_program()).arg("--help").output().unwrap();
    for name in ["bench", "config", "download", "health", "payload"] {
        assert!(text(&output.stdout).contains(name), "{name}");
    }
}
