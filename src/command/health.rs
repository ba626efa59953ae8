//! `inference-service health`: asks the service that the same settings run, for an image without a
//! shell and without curl.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use crate::config::Config;

/// Longest wait for the answer. The probes wait for nothing, so this is long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is asked where nothing else is named.
const READINESS: &str = "/readyz";

pub(super) fn main(mut arguments: Vec<OsString>) -> ExitCode {
    let path = match arguments.first().and_then(|first| first.to_str()) {
        Some(path) if path.starts_with('/') => {
            let path = path.to_owned();
            arguments.remove(0);
            path
        }
        _ => READINESS.to_owned(),
    };
    let config = match super::settings("health", arguments) {
        Ok(config) => config,
        Err(status) => return status,
    };
    match ask(&format!("{}{path}", address(&config))) {
        Ok((200, body)) => {
            println!("{body}");
            ExitCode::SUCCESS
        }
        Ok((status, body)) => {
            eprintln!("inference-service health: {path} answered {status}: {body}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!(
                "inference-service health: {}: {error}; is the service running, with the same \
                 HOST, PORT and ADMIN_PORT?",
                address(&config)
            );
            ExitCode::FAILURE
        }
    }
}

/// Where the service listens: the admin port, which load on the API does not reach, if it has one.
fn address(config: &Config) -> String {
    let host = match config.host.as_str() {
        "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("http://{host}:{}", config.admin_port.unwrap_or(config.port))
}

/// Status and body of a GET.
fn ask(url: &str) -> Result<(u16, String), ureq::Error> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // The service is on this machine, whatever the way to others.
        .proxy(None)
        .build()
        .new_agent();
    let mut answer = agent.get(url).call()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}
