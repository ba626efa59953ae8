//! The subcommands, each as a person or a container runs it.

mod completions;
mod duplicates;
mod embed;
mod help;
mod interruption;
mod similarity;

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{
    hub_server::{HubServer, REPO},
    service::{Service, base64, binary, tiny_model},
    support::reference,
    weights::OPEN_CLIP_CONFIG,
};

fn run(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    binary().args(arguments).envs(env.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// A subcommand that embeds by itself, with a model of 8 numbers.
struct Tiny {
    model: tempfile::TempDir,
    /// Where it runs.
    folder: tempfile::TempDir,
}

impl Tiny {
    fn new() -> Self {
        Self { model: tiny_model(), folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = binary();
        command.args(arguments).current_dir(self.folder.path());
        command.env("MODEL_NAME", format!("local-dir:{}", self.model.path().display()));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs into a pipe that nobody reads.
    fn run_unread(&self, arguments: &[&str]) -> Output {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap()
    }

    /// Copies a reference image to `name`.
    fn photo(&self, image: &str, name: &str) {
        let to = self.folder.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, crate::support::image(image)).unwrap();
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let to = self.folder.path().join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.folder.path().join(name).exists()
    }
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
fn config_shows_no_api_key() {
    let output = run(&["config", "--api-key", "SeCrEt7531"], &[]);
    assert!(output.status.success());
    let shown = text(&output.stdout);
    let line = shown.lines().find(|line| line.starts_with("API_KEY ")).unwrap();
    assert!(line.contains("***") && line.ends_with("--api-key"), "{line}");
    assert!(!shown.contains("SeCrEt"), "{shown}");
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
