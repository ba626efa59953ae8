//! `inference-service download`: fetches the weights that the service would serve, and checks them,
//! so that a start needs no network.

use std::{path::PathBuf, process::ExitCode};

use clap::{ArgMatches, Command};

use crate::{
    config::Config,
    model::{
        Model, ModelError, ModelOptions,
        device::{DeviceChoice, Precision},
        source,
    },
    telemetry,
};

/// What decides which weights are fetched, and what is told meanwhile.
const SHOWN: &[&str] = &["model-name", "pretrained", "activation", "log-level", "log-format"];

pub(super) fn command() -> Command {
    let command = Command::new("download")
        .about("Fetches and checks the weights, so that a start needs no network; prints their path")
        .after_help(
            "Takes every setting of the service; those that make no difference here are not listed.\n\
             Where weights are kept and how the hub is reached is said by HF_HOME, HF_ENDPOINT, HF_TOKEN\n\
             and the other variables of the hub.\n\n\
             Exit status: 0, 1 where the weights cannot be had, 64 for a wrong command line.\n\n\
             inference-service download --pretrained laion2b_s34b_b79k",
        );
    super::with_settings(command, Some(SHOWN))
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    let config = match super::settings("download", matches) {
        Ok(config) => config,
        Err(status) => return status,
    };
    telemetry::start(config.log_level, config.log_format);
    match fetch(&config) {
        Ok(Some(path)) => super::print(path.display()),
        Ok(None) => super::print("nothing to fetch: the weights are seeded"),
        Err(error) => {
            tracing::error!(%error, "the weights cannot be had");
            ExitCode::FAILURE
        }
    }
}

/// The path of the checkpoint. A file that is no checkpoint of this model is worth as much as none,
/// so it is read as the service would.
fn fetch(config: &Config) -> Result<Option<PathBuf>, ModelError> {
    let (_, path) = source::find(config.model.clone())?;
    if path.is_some() {
        let options = ModelOptions {
            device: DeviceChoice::Cpu,
            precision: Precision::F32,
            isa: None,
            activation: config.activation,
        };
        Model::load(config.model.clone(), &options)?;
    }
    Ok(path)
}
