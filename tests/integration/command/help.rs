//! Help as a person finds it: of the whole, of each command, and after a slip.

use super::{run, status, text};

const README: &str = include_str!("../../../README.md");
const DOCUMENT: &str = include_str!("../../../docs/command-line.md");

/// The commands that `--help` lists.
fn commands(help: &str) -> Vec<&str> {
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    list.lines().map(|line| line.split_whitespace().next().unwrap()).collect()
}

fn help_of(arguments: &[&str]) -> String {
    let output = run(arguments, &[]);
    assert_eq!(status(&output), 0, "{arguments:?}: {}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{arguments:?}");
    text(&output.stdout).to_owned()
}

#[test]
fn the_commands_are_listed_in_the_help_and_in_the_documents() {
    let help = help_of(&["--help"]);
    let expected = [
        "embed",
        "duplicates",
        "similarity",
        "bench",
        "health",
        "config",
        "download",
        "payload",
        "completions",
        "help",
    ];
    assert_eq!(commands(&help), expected);
    assert_eq!(help_of(&["help"]), help);
    for command in &expected[..expected.len() - 1] {
        assert!(README.contains(&format!("`inference-service {command}")), "{command}");
        assert!(DOCUMENT.contains(&format!("inference-service {command}")), "{command}");
    }
}

#[test]
fn each_command_says_how_it_is_used_and_what_its_status_means() {
    for command in commands(&help_of(&["--help"])) {
        if command == "help" {
            continue;
        }
        let help = help_of(&[command, "--help"]);
        assert_eq!(help_of(&[command, "-h"]), help);
        assert_eq!(help_of(&["help", command]), help);
        assert!(help.contains(&format!("Usage: inference-service {command}")), "{help}");
        let tells_status =
            help.contains("Exit status: 0") || ["payload", "completions"].contains(&command);
        assert!(tells_status, "{help}");
        let output = run(&[command, "--no-such-flag"], &[]);
        assert_eq!(status(&output), 64, "{command}");
        assert!(text(&output.stderr).contains("--no-such-flag"), "{}", text(&output.stderr));
    }
}

/// What stands before the settings of the service, which change without these commands.
#[test]
fn the_help_of_the_commands_that_embed_is_as_the_document_has_it() {
    for command in ["embed", "duplicates", "similarity"] {
        let help = help_of(&[command, "--help"]);
        let own = help.split_once("\n\nSettings:").unwrap().0;
        let indented: String =
            own.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
        assert!(DOCUMENT.contains(&indented), "docs/command-line.md lacks:\n{indented}");
    }
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    for (arguments, parts) in [
        (&["embedd", "photos"][..], &["embedd", "'embed'"][..]),
        (&["serve"], &["serve", "--help"]),
        (&["help", "nothing"], &["nothing"]),
        (&["embed", "--modelname", "x", "y"], &["--modelname", "--model-name"]),
        (&["--port", "1", "embed", "x"], &["embed", "--port"]),
    ] {
        let output = run(arguments, &[]);
        assert_eq!(status(&output), 64, "{arguments:?}: {}", text(&output.stderr));
        let told = text(&output.stderr);
        assert!(parts.iter().all(|part| told.contains(part)), "{arguments:?}: {told}");
        assert!(output.stdout.is_empty());
    }
}
