//! `inference-service health`: asks the service that the same settings run, for an image without a
//! shell and without curl.

use std::{process::ExitCode, time::Duration};

use clap::{Arg, ArgMatches, Command};

use ureq::tls::TlsConfig;

use crate::config::Config;

/// Longest wait for the answer. The probes wait for nothing, so this is long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is asked where nothing else is named.
const READINESS: &str = "/readyz";

/// What decides where the service is asked.
const SHOWN: &[&str] = &["host", "port", "admin-port"];

pub(super) fn command() -> Command {
    let path = Arg::new("path")
        .value_name("PATH")
        .help("What is asked: /readyz, /livez, /health or another path")
        .default_value(READINESS)
        .value_parser(path);
    let command = Command::new("health")
        .about("Asks the running service of the same settings, on its admin port if it has one")
        .arg(path)
        .after_help(
            "Takes every setting of the service; those that make no difference here are not listed.\n\n\
             Exit status: 0 where the answer is 200, 1 where it is another or there is none, 64 for a\n\
             wrong command line.",
        );
    super::with_settings(command, Some(SHOWN))
}

fn path(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("use a path that begins with /") }
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    let path = matches.get_one("path").map_or(READINESS, String::as_str);
    let config = match super::settings("health", matches) {
        Ok(config) => config,
        Err(status) => return status,
    };
    match ask(&format!("{}{path}", address(&config))) {
        Ok((200, body)) => super::print(body),
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

/// Where the service listens: the admin port, which load on the API does not reach and which has no
/// TLS, if there is one.
fn address(config: &Config) -> String {
    let host = match config.host.as_str() {
        "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    match config.admin_port {
        Some(port) => format!("http://{host}:{port}"),
        None if config.access.tls.is_some() => format!("https://{host}:{}", config.port),
        None => format!("http://{host}:{}", config.port),
    }
}

/// Status and body of a GET.
fn ask(url: &str) -> Result<(u16, String), ureq::Error> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        // The service is on this machine, whatever the way to others.
        .proxy(None)
        // Its certificate names it for others, not for who asks by an address. Nothing secret is sent.
        .tls_config(TlsConfig::builder().disable_verification(true).build())
        .build()
        .new_agent();
    let mut answer = agent.get(url).call()?;
    Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?))
}
