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

use crate::{bench, config::Config};

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
    let program = format!("inference-service {name}");
    let arguments = std::iter::once(OsString::from(&program)).chain(arguments);
    Config::read(arguments, |name| std::env::var_os(name)).map_err(|error| error.refuse(&program))
}
