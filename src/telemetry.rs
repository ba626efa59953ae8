//! The log: its level and its format, text for people or JSON for machines, always on stderr.
//!
//! Nothing that a client sends is logged but its request's id: no photo, no value of a header or of
//! a query, no path. So other crates' lines are kept out below warnings: h2 and hyper write what
//! passes through them.

pub mod shedding;
pub mod traces;

use std::io::IsTerminal;

use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::panics;

/// Least severity that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything, one line a request among it.
    Debug,
    /// What an operator wants to know of a healthy service.
    Info,
    /// What may need somebody.
    Warning,
    /// What needs somebody.
    Error,
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging for the whole process, panics among it; later calls change nothing.
pub fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let log = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let log = match format {
        LogFormat::Text => log.boxed(),
        LogFormat::Json => log.json().flatten_event(true).boxed(),
    };
    // An error says that a subscriber is there already, as in tests: theirs stays.
    if tracing_subscriber::registry().with(targets).with(log).try_init().is_ok() {
        panics::log_them();
    }
}
