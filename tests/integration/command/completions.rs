//! Completions are scripts that their shells can read, of the whole command line.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use super::{run, status, text};

fn script(shell: &str) -> Vec<u8> {
    let output = run(&["completions", shell], &[]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    output.stdout
}

/// Has `shell` read `script` without running it; says so where there is no such shell.
fn parses(shell: &str, script: &[u8]) {
    let child = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no {shell}");
        return;
    };
    child.stdin.take().unwrap().write_all(script).unwrap();
    assert!(child.wait().unwrap().success(), "{shell} cannot read its script");
}

#[test]
fn every_shells_script_parses_and_knows_commands_and_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let script = script(shell);
        parses(shell, &script);
        for word in ["embed", "duplicates", "similarity", "threshold", "model-name", "probe-rate"] {
            assert!(text(&script).contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn another_shell_is_refused_with_those_that_there_are() {
    let output = run(&["completions", "tcsh"], &[]);
    assert_eq!(status(&output), 64);
    assert!(text(&output.stderr).contains("bash, zsh, fish"), "{}", text(&output.stderr));
    assert_eq!(status(&run(&["completions"], &[])), 64);
}
