//! A command line that cannot be used is refused as a whole, before anything is sent.

use super::{bench, status, text};

#[test]
fn wrong_values_exit_64_and_are_all_named() {
    let wrong = [
        ("--url", "ftp://localhost"),
        ("--route", "/embed/other"),
        ("--images", "0"),
        ("--photo", "224"),
        ("--photos", "x"),
        ("--texture", "256"),
        ("--rate", "0"),
        ("--duration", "30"),
        ("--warmup", "soon"),
        ("--timeout", "0s"),
        ("--max-connections", "-"),
        ("--probe", "health"),
        ("--probe-url", "localhost:9090"),
        ("--probe-rate", "fast"),
        ("--probe-timeout", "0ms"),
        ("--expect", "200;429"),
    ];
    let output = bench(&[]).args(wrong.iter().flat_map(|(flag, value)| [flag, value])).output();
    let output = output.unwrap();
    assert_eq!(status(&output), 64, "{output:?}");
    let error = text(&output.stderr);
    assert!(error.starts_with("inference-service bench: 16 wrong values:\n"), "{error}");
    for (flag, value) in wrong {
        assert!(error.contains(&format!("\n  {flag} {value:?}: use ")), "{flag}: {error}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn flags_that_contradict_one_another_exit_64() {
    for arguments in [
        &["--rate", "1", "--clients", "1"][..],
        &["--duration", "1s", "--requests", "1"],
        &["--file", "a.jpg", "--photo", "1x1"],
        &["--format", "png", "--progressive"],
        &["--route", "/embed", "--images", "2"],
        &["--clients", "9", "--max-connections", "8"],
        &["--pretrained", "random"],
    ] {
        let output = bench(arguments).output().unwrap();
        assert_eq!(status(&output), 64, "{arguments:?}: {output:?}");
        assert!(text(&output.stderr).contains(arguments[0]), "{output:?}");
    }
}

#[test]
fn help_names_every_flag_and_exits_0() {
    let output = bench(&["--help"]).output().unwrap();
    assert_eq!(status(&output), 0);
    for flag in ["--url", "--rate", "--probe-rate", "--expect", "Exit status"] {
        assert!(text(&output.stdout).contains(flag), "{flag}");
    }
}
