//! `inference-service bench` measures what was there: it loses no request, tells failures by their
//! kind, and its exit status says whether all went as expected.

mod document;
mod faults;
mod service;
mod stub;
mod usage;

use std::process::{Command, Output};

use serde_json::Value;

use crate::service::binary;

/// The load program, with `arguments`.
fn bench(arguments: &[&str]) -> Command {
    let mut bench = binary();
    bench.arg("bench").args(arguments);
    bench
}

/// Its report about the service at `address`, and its exit status.
fn measure(address: impl std::fmt::Display, arguments: &[&str]) -> (Value, i32) {
    let url = format!("http://{address}");
    let output = bench(&["--json", "--url", &url]).args(arguments).output().unwrap();
    let text = text(&output.stdout);
    let report = serde_json::from_str(text);
    (report.unwrap_or_else(|_| panic!("{output:?}")), status(&output))
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}
