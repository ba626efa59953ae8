//! A panic is one line of the log, with nothing of the standard library's own output beside it.
//!
//! The hook and the log are set for a whole process, so these tests run one of their own: this
//! binary again, with nothing but [`panicking_process`].

use std::process::Command;

use inference_service::{
    metrics::{self, Place},
    panics,
    telemetry::{self, LogFormat, LogLevel},
};
use serde_json::{Value, json};

const FORMAT: &str = "FORMAT_OF_PANICS";

#[test]
#[ignore = "panics; the other tests here start it"]
fn panicking_process() {
    let text = std::env::var(FORMAT).as_deref() == Ok("text");
    telemetry::start(LogLevel::Info, if text { LogFormat::Text } else { LogFormat::Json });
    let handle = metrics::start().unwrap();
    let span = tracing::error_span!("request", id = "of-the-panic");
    let caught = span.in_scope(|| panics::catch(Place::Decoder, || panic!("first\nline of {}", 2)));
    assert_eq!(caught.map_err(|panic| panic.to_string()), Err::<(), _>("first\nline of 2".into()));
    // On a pool, of which whoever waits for it gets the panic.
    let pool = rayon::ThreadPoolBuilder::new().thread_name(|_| "pool".into()).build().unwrap();
    let parts = || pool.install(|| rayon::join(|| panic!("{}", "long".repeat(1000)), || ()));
    assert!(panics::catch(Place::Model, parts).is_err());
    // One that is no fault.
    assert_eq!(panics::tolerate(|| panic!("nobody hears of this")), None::<()>);
    // One that nobody here catches.
    assert!(std::thread::Builder::new().spawn(|| panic!("alone")).unwrap().join().is_err());
    println!("{}", metrics::render(&handle));
}

/// Runs that process; what it wrote on stdout, and on stderr.
fn run(format: &str) -> (String, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "logs::panics::panicking_process", "--ignored", "--nocapture"])
        .env(FORMAT, format)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn each_panic_is_one_line_and_counted_once() {
    let (metrics, log) = run("json");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{log}");
    for line in &lines {
        assert_eq!(line["level"], "ERROR");
        assert!(line["location"].as_str().unwrap().contains("logs/panics.rs:"), "{line}");
    }
    let [first, second, third] = &lines[..] else { unreachable!() };
    assert_eq!(first["panic"], "first\nline of 2");
    assert_eq!(first["thread"], "logs::panics::panicking_process");
    assert_eq!(first["span"]["id"], "of-the-panic");
    assert_eq!((&second["thread"], &second["span"]), (&json!("pool"), &Value::Null));
    let said = second["panic"].as_str().unwrap();
    assert!(said.starts_with("longlong") && said.len() <= 300, "{said}");
    assert_eq!((&third["panic"], &third["thread"]), (&json!("alone"), &json!("unnamed")));
    for (place, count) in [("decoder", 1), ("model", 1), ("handler", 0), ("other", 1)] {
        let line = format!("panics_total{{place=\"{place}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

#[test]
fn in_text_too_a_panic_is_one_line() {
    let (_, log) = run("text");
    assert_eq!(log.lines().count(), 3, "{log}");
    assert!(log.lines().all(|line| line.contains("ERROR") && line.contains("panic")), "{log}");
    assert!(!log.contains("panicked at") && !log.contains("RUST_BACKTRACE"), "{log}");
}
