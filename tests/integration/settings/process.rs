//! What the process says and how it ends when it cannot start, or is only asked something.

use std::{
    io::Write,
    net::TcpListener,
    process::{Output, Stdio},
    time::{Duration, Instant},
};

use crate::service::{SilentHub, binary};

#[track_caller]
fn assert_exit(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[test]
fn wrong_values_exit_64_within_a_second_and_before_weights_are_touched() {
    let hub = SilentHub::new();
    let refuse = || {
        let start = Instant::now();
        let output = binary()
            .args(["--port", "x", "--max-images", "0"])
            .env("HF_ENDPOINT", format!("http://{}", hub.address))
            .env("HF_HOME", hub.home.path())
            .env("LOG_LEVEL", "loud")
            .output()
            .unwrap();
        (output, start.elapsed())
    };
    let (output, _) = refuse();
    assert_exit(&output, 64);
    let error = text(&output.stderr);
    assert!(error.starts_with("inference-service: 3 wrong values:\n"), "{error}");
    for setting in ["--port \"x\"", "--max-images \"0\"", "--log-level \"loud\" (from the variable"]
    {
        assert!(error.contains(setting), "{error}");
    }
    assert!(output.stdout.is_empty());
    assert!(!hub.was_asked());
    assert!(hub.home.path().read_dir().unwrap().next().is_none(), "nothing is written");
    // The best of three, since other tests run beside this one.
    let best = (0..3).map(|_| refuse().1).min().unwrap();
    assert!(best < Duration::from_secs(1), "{best:?}");
}

#[test]
fn unknown_flags_and_arguments_exit_64() {
    for arguments in [&["--prot", "1"][..], &["serve"], &["--port"], &["--port=1", "--port=2"]] {
        let output = binary().args(arguments).output().unwrap();
        assert_exit(&output, 64);
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}

#[test]
fn help_and_version_are_for_stdout() {
    let help = binary().arg("--help").output().unwrap();
    assert_exit(&help, 0);
    assert!(help.stderr.is_empty());
    for part in
        ["Usage:", "--model-name <NAME>", "[env: MODEL_NAME]", "[default: ViT-B-32]", "curl"]
    {
        assert!(text(&help.stdout).contains(part), "{part}");
    }
    let short = binary().arg("-h").output().unwrap();
    assert_eq!(short.stdout, help.stdout);

    let version = binary().arg("--version").output().unwrap();
    assert_exit(&version, 0);
    let expected = concat!("inference-service ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((text(&version.stdout), text(&version.stderr)), (expected, ""));
}

#[test]
fn help_into_a_closed_pipe_is_no_crash() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = binary().arg("--help").stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_exit(&output, 0);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_port_in_use_exits_1_and_names_the_setting() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (flag, other) in [("--port", "--admin-port"), ("--admin-port", "--port")] {
        let arguments = ["--pretrained", "random", flag, &port, other, "0"];
        let output = binary().args(arguments).output().unwrap();
        assert_exit(&output, 1);
        let error = text(&output.stderr);
        assert!(error.contains(&format!("cannot listen on 127.0.0.1:{port} ({flag})")), "{error}");
        assert!(error.contains("choose another port"), "{error}");
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_exits_1_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.safetensors");
    let broken = folder.path().join("broken.safetensors");
    std::fs::File::create(&broken).unwrap().write_all(b"no weights").unwrap();
    for file in [missing, broken] {
        let file = file.to_str().unwrap();
        let arguments = ["--pretrained", file, "--port", "0", "--admin-port", "0"];
        let output = binary().args(arguments).output().unwrap();
        assert_exit(&output, 1);
        assert!(text(&output.stderr).contains(file), "{}", text(&output.stderr));
    }
}
