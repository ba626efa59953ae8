//! What the commands have in common that embed files themselves: their settings and the embedder.

use std::{path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, ValueHint, value_parser};

use crate::{
    config::{Config, settings::Origin},
    embedder::{self, Embedder},
    files::names::printable,
    telemetry::{self, LogLevel},
};

/// Exit status where some files could not be embedded.
pub(super) const SOME_FAILED: u8 = 2;

/// The settings that make a difference to these commands.
const SHOWN: &[&str] = &[
    "model-name",
    "pretrained",
    "log-level",
    "log-format",
    "device",
    "precision",
    "cpu-isa",
    "activation",
    "exif-orientation",
    "threads",
    "workers",
    "max-batch",
    "memory-limit",
    "max-body-bytes",
    "max-image-pixels",
];

/// `command` with the settings of the service.
pub(super) fn with_settings(command: Command) -> Command {
    super::with_settings(command, Some(SHOWN))
}

/// The files and folders that a command is about, at least `least`.
pub(super) fn paths(least: usize) -> Arg {
    Arg::new("paths")
        .value_name("PATH")
        .num_args(least..)
        .value_hint(ValueHint::AnyPath)
        .value_parser(value_parser!(PathBuf))
}

/// The paths that were named, all of which are there.
pub(super) fn named(matches: &ArgMatches) -> Result<Vec<PathBuf>, ExitCode> {
    let paths: Vec<_> = matches.get_many::<PathBuf>("paths").into_iter().flatten().collect();
    for path in &paths {
        if let Err(error) = std::fs::metadata(path) {
            return Err(super::fail(&format_args!("{}: {error}", printable(path))));
        }
    }
    Ok(paths.into_iter().cloned().collect())
}

/// The settings, with a log that is quiet unless they say otherwise.
pub(super) fn config(name: &str, matches: &ArgMatches) -> Result<Config, ExitCode> {
    let config = Config::read_for_files(matches, |name| std::env::var_os(name));
    let mut config = config.map_err(|error| error.refuse(&format!("inference-service {name}")))?;
    if config.given.get("log-level").is_some_and(|(_, origin)| *origin == Origin::Default) {
        config.log_level = LogLevel::Warning;
    }
    telemetry::start(config.log_level, config.log_format);
    Ok(config)
}

/// Loads the model.
pub(super) fn load(config: &Config) -> Result<Embedder, ExitCode> {
    embedder::load(config).map_err(|error| super::fail(&error))
}

/// Does `work` on a runtime.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| super::fail(&format_args!("cannot start: {error}")))?;
    let done = runtime.block_on(work);
    // A read that hangs has nobody left to wait for it.
    runtime.shutdown_background();
    Ok(done)
}
