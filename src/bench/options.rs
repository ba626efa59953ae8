//! The command line of `inference-service bench`: the table of its flags, read once into checked
//! [`Options`].
//!
//! All mistakes are reported together, each with what would be right, before a photo is made. There
//! are no environment variables, since a load belongs to one run and not to a machine; but the API
//! key may stand in the service's own, `API_KEY`.

mod values;

use std::{collections::BTreeSet, ffi::OsString, path::PathBuf, time::Duration};

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource};
use hyper::header::HeaderValue;

use super::{
    photos::{Format, Picture},
    target::Target,
};
use crate::config::ConfigError;
use values::{count, duration, format, positive_duration, rate, route, size, statuses};

/// What to send, to whom, how fast and for how long.
#[derive(Debug)]
pub struct Options {
    /// The service under load.
    pub target: Target,
    /// Route and with it the shape of the body.
    pub route: Route,
    /// Photos in one request, at least 1.
    pub images: usize,
    /// Where the photos come from.
    pub photos: Photos,
    /// Which requests are sent when.
    pub load: Load,
    /// When the run ends.
    pub length: Length,
    /// How long requests are sent before they are measured.
    pub warmup: Duration,
    /// Most connections at a time, at least 1.
    pub max_connections: usize,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// What is polled meanwhile.
    pub probes: Probes,
    /// Statuses that are no fault.
    pub expect: BTreeSet<u16>,
    /// The report as JSON instead of a table.
    pub json: bool,
    /// `Authorization`, where there is an API key; its value is not shown by `Debug`.
    pub authorization: Option<HeaderValue>,
    /// Whether any certificate will do.
    pub insecure: bool,
}

/// A route that embeds, and how photos are wrapped for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/embed/base64`: JSON.
    Base64,
    /// `/embed/batch`: a form.
    Batch,
    /// `/embed`: one photo as the body.
    Raw,
}

impl Route {
    const ALL: [Self; 3] = [Self::Base64, Self::Batch, Self::Raw];

    /// Its path on the service.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Base64 => "/embed/base64",
            Self::Batch => "/embed/batch",
            Self::Raw => "/embed",
        }
    }
}

/// Where photos come from.
#[derive(Debug)]
pub enum Photos {
    /// Made for the run, so many different ones.
    Made(Picture, usize),
    /// Files, sent as they are.
    Files(Vec<PathBuf>),
}

/// Which requests are sent when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Load {
    /// So many clients, each of which sends its next request when the last is answered.
    Closed(usize),
    /// So many requests a second, at even distances, whatever the answers do.
    Open(f64),
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After this time, counted from the end of the warm-up.
    Time(Duration),
    /// After so many measured requests.
    Requests(u64),
}

/// What is polled while the load runs.
#[derive(Clone, Debug)]
pub struct Probes {
    /// The service or its admin port.
    pub target: Target,
    /// Paths, each polled by itself.
    pub paths: Vec<String>,
    /// Polls a second of each path.
    pub rate: f64,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// `Authorization`, where there is an API key and the target is the service under load.
    pub authorization: Option<HeaderValue>,
}

/// One flag, as a person writes it.
struct Flag {
    name: &'static str,
    /// What stands for the value in `--help`; empty for a switch.
    value: &'static str,
    /// What holds when it is not given, if anything does.
    default: Option<&'static str>,
    help: &'static str,
    repeatable: bool,
    /// Flags that say something else about the same thing.
    conflicts: &'static [&'static str],
}

const fn flag(
    name: &'static str,
    value: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Flag {
    Flag { name, value, default, help, repeatable: false, conflicts: &[] }
}

const fn against(mut flag: Flag, conflicts: &'static [&'static str]) -> Flag {
    flag.conflicts = conflicts;
    flag
}

const fn repeatable(mut flag: Flag) -> Flag {
    flag.repeatable = true;
    flag
}

#[rustfmt::skip]
const FLAGS: &[Flag] = &[
    flag("url", "URL", Some("http://127.0.0.1:8002"), "The service under load, by http or https"),
    flag("route", "PATH", Some("/embed/base64"), "/embed/base64 (JSON), /embed/batch (a form) or /embed (one photo as the body)"),
    flag("images", "N", Some("1"), "Photos in one request"),
    flag("photo", "WxH", Some("224x224"), "Size in pixels of the photos that are made for the run"),
    flag("photos", "N", Some("4"), "How many different photos are made, to be sent in turn"),
    flag("format", "FORMAT", Some("jpeg"), "Their format: jpeg (quality 95, 4:2:0) or png"),
    flag("texture", "N", Some("10"), "Strength of their grain, 0 (smooth, small files) to 255; 10 gives JPEGs as large as those of a camera"),
    flag("progressive", "", None, "Make progressive JPEGs"),
    repeatable(against(flag("file", "PATH", None, "Send this file instead of made photos; may be given several times"), &["photo", "photos", "format", "texture", "progressive"])),
    flag("clients", "N", Some("8"), "Closed loop: so many clients, each sends its next request when the last is answered"),
    against(flag("rate", "R", None, "Open loop instead: R requests a second on schedule, whatever the answers do"), &["clients"]),
    flag("duration", "TIME", Some("10s"), "How long to measure, like 30s, 500ms or 5m"),
    against(flag("requests", "N", None, "Measure N requests instead of a time"), &["duration"]),
    flag("warmup", "TIME", Some("0s"), "Send for so long before anything is measured"),
    flag("max-connections", "N", Some("512"), "Most connections at a time; a request that finds none is counted as not sent"),
    flag("timeout", "TIME", Some("300s"), "Longest wait for one answer"),
    repeatable(flag("probe", "PATH", None, "Poll this path meanwhile, each time on a new connection; may be given several times")),
    flag("probe-url", "URL", None, "Where to poll, such as the admin port; --url if not given"),
    flag("probe-rate", "R", Some("10"), "Polls a second of each path"),
    flag("probe-timeout", "TIME", Some("1s"), "A poll that takes longer has failed"),
    flag("expect", "STATUSES", Some("200"), "Statuses that are no fault, with commas between them, like 200,429"),
    flag("json", "", None, "Print one JSON document instead of a table"),
    flag("api-key", "KEY", None, "API key of the service under load; else that of the variable API_KEY"),
    flag("insecure", "", None, "With https: take any certificate"),
];

/// The command line, made from [`FLAGS`].
pub fn command() -> Command {
    let arguments = FLAGS.iter().map(|flag| {
        let help = match flag.default {
            Some(default) => format!("{} [default: {default}]", flag.help),
            None => flag.help.to_owned(),
        };
        let arg = Arg::new(flag.name).long(flag.name).help(help).conflicts_with_all(flag.conflicts);
        match flag {
            Flag { value: "", .. } => arg.action(ArgAction::SetTrue),
            Flag { repeatable: true, value, .. } => arg.value_name(value).action(ArgAction::Append),
            Flag { value, .. } => arg.value_name(value),
        }
    });
    Command::new("bench")
        .about("Measures a running service: sends photos, tells how they were answered")
        .after_help(
            "Exit status: 0 if all went as expected, 1 if a status was not in --expect, a request\n\
             could not be sent or got no answer, a 429 had no Retry-After or a probe failed, 64 for\n\
             a wrong command line. Ctrl-C ends the run and reports what was measured.\n\n\
             The most a service can do: inference-service bench --clients 8 --duration 20s\n\
             Twice that, with probes:   inference-service bench --rate 16 --duration 60s --expect 200,429 \\\n\
             \u{20}                             --probe /health --probe-url http://127.0.0.1:9090",
        )
        .args(arguments)
}

impl Options {
    /// Reads a command line that [`command`] has parsed, and of `env` the API key.
    ///
    /// # Errors
    /// [`ConfigError::Values`] with every value that is wrong.
    pub fn of(
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { matches, wrong: Vec::new() };
        let target = reader.read("url", Target::parse);
        let route = reader.read("route", route);
        let images = reader.read("images", count);
        if route == Some(Route::Raw) && images.is_some_and(|images| images > 1) {
            reader.refuse("images", "/embed takes one photo: use 1, or another --route");
        }
        let photos = reader.photos();
        let load = reader.load();
        let length = reader.length();
        let warmup = reader.read("warmup", duration);
        let max_connections = reader.read("max-connections", count);
        if let (Some(Load::Closed(clients)), Some(most)) = (load, max_connections)
            && clients > most
        {
            reader.refuse("max-connections", "use at least one connection for each of --clients");
        }
        let timeout = reader.read("timeout", positive_duration);
        let authorization = reader.authorization(env("API_KEY"));
        let probes = reader.probes(target.as_ref(), authorization.as_ref());
        let expect = reader.read("expect", statuses);
        let json = reader.matches.get_flag("json");
        let insecure = reader.matches.get_flag("insecure");
        let all = || {
            Some(Self {
                target: target?,
                route: route?,
                images: images?,
                photos: photos?,
                load: load?,
                length: length?,
                warmup: warmup?,
                max_connections: max_connections?,
                timeout: timeout?,
                probes: probes?,
                expect: expect?,
                json,
                authorization,
                insecure,
            })
        };
        match all() {
            Some(options) if reader.wrong.is_empty() => Ok(options),
            _ => Err(ConfigError::Values(reader.wrong)),
        }
    }
}

/// Turns what was given into values and keeps every mistake.
struct Reader<'a> {
    matches: &'a ArgMatches,
    wrong: Vec<String>,
}

impl Reader<'_> {
    /// What stands after `flag`, or its default.
    fn text(&self, flag: &str) -> Option<String> {
        let given = self.matches.get_one::<String>(flag).cloned();
        let default = || FLAGS.iter().find(|known| known.name == flag)?.default.map(str::to_owned);
        given.or_else(default)
    }

    fn is_given(&self, flag: &str) -> bool {
        self.matches.value_source(flag) == Some(ValueSource::CommandLine)
    }

    fn refuse(&mut self, flag: &str, reason: impl std::fmt::Display) {
        let found = self.text(flag).unwrap_or_default();
        self.wrong.push(format!("--{flag} {found:?}: {reason}"));
    }

    /// The value of `flag`; `None` after a mistake, which is kept.
    fn read<T>(&mut self, flag: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text(flag).unwrap_or_default();
        parse(text.trim()).map_err(|reason| self.refuse(flag, reason)).ok()
    }

    fn photos(&mut self) -> Option<Photos> {
        if let Some(files) = self.matches.get_many::<String>("file") {
            return Some(Photos::Files(files.map(PathBuf::from).collect()));
        }
        let size = self.read("photo", size);
        let photos = self.read("photos", count);
        let format = self.read("format", format);
        let texture = self.read("texture", |text| {
            text.parse().map_err(|_| "use a whole number from 0 to 255".to_owned())
        });
        let format = match (format?, self.matches.get_flag("progressive")) {
            (Format::Png, true) => {
                self.refuse("format", "only a JPEG can be --progressive");
                return None;
            }
            (Format::Jpeg { .. }, progressive) => Format::Jpeg { progressive },
            (format, _) => format,
        };
        let (width, height) = size?;
        Some(Photos::Made(Picture { width, height, format, texture: texture? }, photos?))
    }

    fn load(&mut self) -> Option<Load> {
        if self.is_given("rate") {
            self.read("rate", rate).map(Load::Open)
        } else {
            self.read("clients", count).map(Load::Closed)
        }
    }

    fn length(&mut self) -> Option<Length> {
        if self.is_given("requests") {
            self.read("requests", count).map(|requests| Length::Requests(requests as u64))
        } else {
            self.read("duration", positive_duration).map(Length::Time)
        }
    }

    /// The header with the key of the flag, or else of the variable; neither is ever shown.
    fn authorization(&mut self, variable: Option<OsString>) -> Option<HeaderValue> {
        let variable = variable.map(|key| key.to_string_lossy().into_owned());
        let key = self.matches.get_one::<String>("api-key").cloned().or(variable)?;
        let key = Some(key.trim()).filter(|key| !key.is_empty())?;
        let Ok(mut value) = HeaderValue::try_from(format!("Bearer {key}")) else {
            self.wrong
                .push("--api-key, or API_KEY: no key that can be sent in a header".to_owned());
            return None;
        };
        value.set_sensitive(true);
        Some(value)
    }

    fn probes(
        &mut self,
        target: Option<&Target>,
        authorization: Option<&HeaderValue>,
    ) -> Option<Probes> {
        let given = self.matches.get_many::<String>("probe");
        let paths: Vec<_> = given.into_iter().flatten().cloned().collect();
        for path in &paths {
            if !Target::is_path(path) {
                self.wrong.push(format!("--probe {path:?}: use a path that begins with /"));
            }
        }
        // The key is the service's alone.
        let (target, authorization) = match self.is_given("probe-url") {
            true => (self.read("probe-url", Target::parse), None),
            false => (target.cloned(), authorization.cloned()),
        };
        let rate = self.read("probe-rate", rate);
        let timeout = self.read("probe-timeout", positive_duration);
        Some(Probes { target: target?, paths, rate: rate?, timeout: timeout?, authorization })
    }
}
