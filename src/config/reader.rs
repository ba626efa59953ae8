//! What was given, setting by setting, and every mistake in it.

use std::fmt;

use super::{
    settings::{self, Given, Origin, SETTINGS},
    small_images, values,
};
use crate::{
    http::connection::ConnectionOptions,
    model::registry::{self, ModelSpec, RegistryError},
    shutdown::DrainOptions,
    telemetry::traces::{self, TraceOptions},
};

/// Turns what was given into values and keeps every mistake.
pub(super) struct Reader {
    pub given: Given,
    pub wrong: Vec<WrongValue>,
}

impl Reader {
    pub fn text(&self, flag: &'static str) -> &str {
        &self.given[flag].0
    }

    pub fn refuse(&mut self, flag: &'static str, reason: String) {
        let (mut found, origin) = self.given[flag].clone();
        if setting(flag).is_secret() {
            found = settings::HIDDEN.to_owned();
        }
        self.wrong.push(WrongValue { setting: flag, found, origin, reason });
    }

    /// The value of `flag`; a wrong one is kept as a mistake and stands in by its default.
    pub fn read<T>(&mut self, flag: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let parsed = parse(self.text(flag).trim());
        parsed.unwrap_or_else(|reason| {
            self.refuse(flag, reason);
            parse(setting(flag).default).expect("every default parses: a test reads them all")
        })
    }

    pub fn model(&mut self) -> Option<ModelSpec> {
        let resolved = registry::resolve(self.text("model-name"), self.text("pretrained"));
        resolved
            .map_err(|error| {
                let flag = match &error {
                    RegistryError::UnknownPretrained { .. }
                    | RegistryError::ConflictingSources { .. } => "pretrained",
                    RegistryError::MalformedName { name, .. }
                        if name == self.text("pretrained") =>
                    {
                        "pretrained"
                    }
                    _ => "model-name",
                };
                self.refuse(flag, error.to_string());
            })
            .ok()
    }

    pub fn traces(&mut self) -> Option<TraceOptions> {
        let ratio = self.read("trace-ratio", values::share);
        let endpoint = self.text("otlp-endpoint").trim().to_owned();
        if endpoint.is_empty() {
            return None;
        }
        if let Err(reason) = traces::check_endpoint(&endpoint) {
            self.refuse("otlp-endpoint", reason);
        }
        Some(TraceOptions { endpoint, ratio })
    }

    pub fn workers(&mut self, threads: usize) -> Option<usize> {
        let workers = self.read("workers", values::workers);
        if workers.is_some_and(|workers| workers > threads) {
            self.refuse("workers", format!("is more than --threads, which is {threads}"));
        }
        workers
    }

    pub fn queued_images(&mut self, images: usize) -> usize {
        let queued = self.read("max-queued-images", values::positive);
        if queued - small_images(queued) < images {
            let reason = format!(
                "a request of --max-images, which is {images}, would never be let in, since a ninth \
                 of this is kept for small requests; raise this or lower that"
            );
            self.refuse("max-queued-images", reason);
        }
        queued
    }

    /// How long clients, and a stop, may take.
    pub fn patience(&mut self) -> (ConnectionOptions, DrainOptions) {
        let connections = ConnectionOptions {
            header_timeout: self.read("header-timeout", values::some_time),
            body_timeout: self.read("body-timeout", values::some_time),
            keep_alive: self.read("keep-alive", values::some_time),
            max_age: self.read("max-connection-age", values::duration),
        };
        let drain = DrainOptions {
            delay: self.read("drain-delay", values::duration),
            timeout: self.read("drain-timeout", values::duration),
        };
        (connections, drain)
    }

    pub fn ports(&mut self) -> (u16, Option<u16>) {
        let port = self.read("port", values::port_number);
        let admin_port = self.read("admin-port", values::port_number);
        if admin_port != 0 && admin_port == port {
            let reason = "is also the API's --port; choose another, or 0 to do without";
            self.refuse("admin-port", reason.into());
        }
        (port, (admin_port != 0).then_some(admin_port))
    }

    pub fn grpc_port(&mut self, port: u16, admin_port: Option<u16>) -> Option<u16> {
        let grpc_port = self.read("grpc-port", values::port_number);
        let taken = [("the API's --port", Some(port)), ("also the --admin-port", admin_port)];
        for (whose, other) in taken {
            if grpc_port != 0 && other == Some(grpc_port) {
                let reason = format!(
                    "is {whose}; choose another (Triton's clients expect that of the API and 1), or 0 \
                     to do without"
                );
                self.refuse("grpc-port", reason);
            }
        }
        (grpc_port != 0).then_some(grpc_port)
    }
}

/// One value that cannot be used.
pub(super) struct WrongValue {
    setting: &'static str,
    found: String,
    origin: Origin,
    /// What is wrong and what would be right.
    reason: String,
}

fn setting(flag: &str) -> &'static settings::Setting {
    SETTINGS.iter().find(|setting| setting.flag == flag).expect("flags here are flags of SETTINGS")
}

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting: flag, found, origin, reason } = self;
        let origin = match origin {
            Origin::Flag => String::new(),
            Origin::Environment => format!(" (from the variable {})", setting(flag).env),
            Origin::Default => " (the default)".to_owned(),
        };
        write!(f, "--{flag} {found:?}{origin}: {reason}")
    }
}
