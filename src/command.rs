//! What the binary does beside serving: its subcommands, by their first word.
//!
//! Each takes the flags and the environment of the service, so that what it asks, fetches or shows is
//! what the service beside it would.

mod config;
mod download;
mod health;
mod payload;

use std::{
    ffi::{OsStr, OsString},
    process::ExitCode,
};

use crate::{
    bench,
    config::{Config, ConfigError},
};

/// Exit status for a command line or settings that cannot be used (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

/// Runs a subcommand with the arguments after its name.
pub type Run = fn(Vec<OsString>) -> ExitCode;

/// The subcommand called `name`, if there is one.
pub fn find(name: &OsStr) -> Option<Run> {
    match name.to_str()? {
        "bench" => Some(bench::main),
        "config" => Some(config::main),
        "download" => Some(download::main),
        "health" => Some(health::main),
        "payload" => Some(payload::main),
        _ => None,
    }
}

/// The settings of the service, of `arguments` and the environment.
fn settings(name: &str, arguments: Vec<OsString>) -> Result<Config, ExitCode> {
    let program = OsString::from(format!("inference-service {name}"));
    Config::read(std::iter::once(program).chain(arguments), |name| std::env::var_os(name))
        .map_err(|error| refuse(&error))
}

/// Says what is wrong with the command line, or prints the help or version that it asked for. The
/// result is the exit status.
pub fn refuse(error: &ConfigError) -> ExitCode {
    match error {
        ConfigError::CommandLine(error) => {
            // A closed pipe, as with `--help | head -1`, leaves nothing to do.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
        }
        ConfigError::Values(_) => {
            eprintln!("inference-service: {error}\n\nSee inference-service --help.");
            ExitCode::from(USAGE)
        }
    }
}
