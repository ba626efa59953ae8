//! `inference-service config`: the settings in force, and where each came from.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{ArgMatches, Command};

use crate::config::settings::{Origin, SETTINGS};

pub(super) fn command() -> Command {
    let command = Command::new("config")
        .about("Shows the settings in force and where each came from, or what is wrong with them")
        .after_help(
            "Exit status: 0, or 64 where the service would refuse the settings.\n\n\
             What a container runs with: docker exec CONTAINER inference-service config",
        );
    super::with_settings(command, None)
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    // What the service would refuse is refused here, with the same words.
    let config = match super::settings("config", matches) {
        Ok(config) => config,
        Err(status) => return status,
    };
    let mut text = String::new();
    for setting in SETTINGS {
        let Some((value, origin)) = config.given.get(setting.flag) else { continue };
        let origin = match origin {
            Origin::Flag => format!("--{}", setting.flag),
            Origin::Environment => "the environment".to_owned(),
            Origin::Default => "default".to_owned(),
        };
        text.push_str(&format!("{:<20} = {value:<24} {origin}\n", setting.env));
    }
    text.push_str(&format!(
        "\nthreads {}, workers {}, memory limit {} MiB ({})\n",
        config.threads,
        config.batches.workers.map_or("auto".to_owned(), |workers| workers.to_string()),
        config.memory_limit.bytes >> 20,
        config.memory_limit.origin
    ));
    super::printed(io::stdout().lock().write_all(text.as_bytes()))
}
