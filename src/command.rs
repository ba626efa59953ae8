//! What the binary does beside serving: its subcommands, in the one table that the command line, its
//! help and the completions are made from.
//!
//! Each takes the flags and the environment of the service where it has a use for them, so that what
//! it asks, fetches, shows or embeds is what the service beside it would.

mod collect;
mod completions;
mod config;
mod download;
mod duplicates;
mod embed;
mod health;
mod in_process;
mod payload;
mod progress;
mod signals;
mod similarity;

use std::{
    ffi::OsString,
    fmt::Display,
    io::{self, Write},
    process::ExitCode,
};

use clap::{ArgMatches, Command};

use crate::{
    bench,
    config::{
        Config, ConfigError,
        settings::{self, SETTINGS},
    },
};

/// A subcommand: its command line, and what it does.
struct Subcommand {
    command: fn() -> Command,
    run: fn(&ArgMatches) -> ExitCode,
}

/// All of them, in the order of `--help`.
const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { command: embed::command, run: embed::main },
    Subcommand { command: duplicates::command, run: duplicates::main },
    Subcommand { command: similarity::command, run: similarity::main },
    Subcommand { command: bench::options::command, run: bench::main },
    Subcommand { command: health::command, run: health::main },
    Subcommand { command: config::command, run: config::main },
    Subcommand { command: download::command, run: download::main },
    Subcommand { command: payload::command, run: payload::main },
    Subcommand { command: completions::command, run: completions::main },
];

/// The whole command line: the service's own flags, or a subcommand with its.
pub fn cli() -> Command {
    settings::command()
        .subcommands(SUBCOMMANDS.iter().map(|subcommand| (subcommand.command)()))
        .args_conflicts_with_subcommands(true)
}

/// Parses `arguments`, the program's name first.
///
/// # Errors
/// [`ConfigError::CommandLine`], also for help and the version.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<ArgMatches, ConfigError> {
    Ok(cli().try_get_matches_from(arguments)?)
}

/// Runs the subcommand of a command line that [`read`] has parsed; none if it has none, and the
/// service is to run.
pub fn run(matches: &ArgMatches) -> Option<ExitCode> {
    let (name, matches) = matches.subcommand()?;
    let is_called = |subcommand: &&Subcommand| (subcommand.command)().get_name() == name;
    SUBCOMMANDS.iter().find(is_called).map(|subcommand| (subcommand.run)(matches))
}

/// The settings of the service as arguments of the subcommand `name`, whose help shows those in
/// `shown`, or all.
fn with_settings(command: Command, shown: Option<&'static [&'static str]>) -> Command {
    debug_assert!(
        shown.into_iter().flatten().all(|flag| SETTINGS.iter().any(|known| known.flag == *flag)),
        "what is shown is a setting"
    );
    command.args(settings::arguments(move |flag| shown.is_none_or(|shown| shown.contains(&flag))))
}

/// The settings of the service, of the command line of the subcommand `name` and the environment.
fn settings(name: &str, matches: &ArgMatches) -> Result<Config, ExitCode> {
    let config = Config::read(matches, |name| std::env::var_os(name));
    config.map_err(|error| error.refuse(&format!("inference-service {name}")))
}

/// Prints a line.
fn print(line: impl Display) -> ExitCode {
    printed(writeln!(io::stdout().lock(), "{line}"))
}

/// The status after something was printed. Where nobody reads it, as after `| head -1`, nothing is
/// said.
fn printed(outcome: io::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.kind() != io::ErrorKind::BrokenPipe {
                complain(&format_args!("standard output: {error}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// Says on standard error what is wrong, if anybody reads it.
fn complain(what: &dyn Display) {
    let _ = writeln!(io::stderr(), "inference-service: {what}");
}

/// Says what stands in the way, and gives the status of that.
fn fail(what: &dyn Display) -> ExitCode {
    complain(what);
    ExitCode::FAILURE
}
