//! `inference-service download`: fetches the weights that the service would serve, and checks them,
//! so that a start needs no network.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use crate::{
    config::Config,
    model::{
        Model, ModelError, ModelOptions,
        device::{DeviceChoice, Precision},
        source,
    },
    telemetry,
};

pub(super) fn main(arguments: Vec<OsString>) -> ExitCode {
    let config = match super::settings("download", arguments) {
        Ok(config) => config,
        Err(status) => return status,
    };
    telemetry::start(config.log_level, config.log_format);
    match fetch(&config) {
        Ok(Some(path)) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Ok(None) => {
            println!("nothing to fetch: the weights are seeded");
            ExitCode::SUCCESS
        }
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
