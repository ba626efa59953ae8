//! What the settings mean: flags and environment, read once into one checked [`Config`].
//!
//! [`settings`] holds the table of what can be said. All mistakes are reported together, each with
//! what would be right, before anything else happens; nothing after this sees a raw flag.

pub mod cgroup;
pub mod memory;
pub mod settings;
mod values;

use std::{ffi::OsString, fmt, process::ExitCode, time::Duration};

use cgroup::MemoryLimit;
use memory::{Demands, MemoryPlan, Overcommitted};

use settings::{Given, Origin, SETTINGS};

use crate::{
    embedder::BatchChoice,
    http::connection::ConnectionOptions,
    kernels::{Isa, Kernels},
    model::{
        architecture::{Activation, Architecture},
        device::{self, DeviceChoice, DeviceError, Precision},
        hub::{HubError, Settings},
        registry::{self, ModelSpec, RegistryError, Source},
    },
    preprocess::ExifOrientation,
    shutdown::DrainOptions,
    telemetry::{LogFormat, LogLevel},
    upload::Limits,
};

/// Everything that the service is told at its start, checked.
#[derive(Debug)]
pub struct Config {
    /// The model: its architecture and where its weights come from.
    pub model: ModelSpec,
    /// Activation forced by the operator; `None` follows the checkpoint.
    pub activation: Option<Activation>,
    /// Where the model runs.
    pub device: DeviceChoice,
    /// Type the model computes in.
    pub precision: Precision,
    /// Instruction set of the resize, and of the model on a CPU; none is the widest there is.
    pub isa: Option<Isa>,
    /// What to do with a photo's EXIF orientation.
    pub exif_orientation: ExifOrientation,
    /// Host name or address of both listeners.
    pub host: String,
    /// Port of the API; 0 takes a free one.
    pub port: u16,
    /// Port of the admin listener, if there is one.
    pub admin_port: Option<u16>,
    /// What is logged.
    pub log_level: LogLevel,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Threads for decoding and for computing, at least 1.
    pub threads: usize,
    /// How batches are made.
    pub batches: BatchChoice,
    /// How long a request may wait before work on it begins.
    pub queue_timeout: Duration,
    /// Most images that were let in and have no answer yet.
    pub max_queued_images: usize,
    /// Memory that the process may use.
    pub memory_limit: MemoryLimit,
    /// What a request may bring.
    pub limits: Limits,
    /// Most pixels of an image, width x height, at least 1.
    pub max_image_pixels: u64,
    /// Most connections of the API at the same time, at least 1.
    pub max_connections: u32,
    /// How long clients may take.
    pub connections: ConnectionOptions,
    /// How the service stops.
    pub drain: DrainOptions,
    /// The settings as they were given, each with its origin.
    pub given: Given,
}

/// Why there is no [`Config`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a command line of ours, or a request for help or the version.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// Values that cannot be used, all of them.
    #[error("{} wrong value{}:\n  {}", .0.len(), if .0.len() == 1 { "" } else { "s" }, .0.join("\n  "))]
    Values(Vec<String>),
}

/// Exit status for a command line or settings that cannot be used (`EX_USAGE` of sysexits.h).
pub const USAGE: u8 = 64;

impl ConfigError {
    /// Says what is wrong, or prints the help or version that was asked for; the result is the exit
    /// status of `program`.
    pub fn refuse(&self, program: &str) -> ExitCode {
        match self {
            Self::CommandLine(error) => {
                // A closed pipe, as with `--help | head -1`, leaves nothing to do.
                let _ = error.print();
                if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
            }
            Self::Values(_) => {
                eprintln!("{program}: {self}\n\nSee {program} --help.");
                ExitCode::from(USAGE)
            }
        }
    }
}

/// One value that cannot be used.
struct WrongValue {
    setting: &'static str,
    found: String,
    origin: Origin,
    /// What is wrong and what would be right.
    reason: String,
}

impl Config {
    /// Reads the command line (`arguments`, the program's name first), then `env`, then defaults.
    ///
    /// # Errors
    /// [`ConfigError::CommandLine`] for unknown flags, `--help` and `--version`;
    /// [`ConfigError::Values`] with every value that is wrong.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { given: settings::gather(arguments, &env)?, wrong: Vec::new() };
        let model = reader.model();
        let hub = match &model {
            Some(ModelSpec { source: Source::Hub { .. }, .. }) => wrong_hub_settings(&env),
            _ => Vec::new(),
        };
        let (port, admin_port) = reader.ports();
        let limits = Limits {
            body_bytes: reader.read("max-body-bytes", values::bytes),
            images: reader.read("max-images", values::positive),
        };
        let max_image_pixels = reader.read("max-image-pixels", values::pixels);
        let max_connections = reader.read("max-connections", values::connections);
        let connections = ConnectionOptions {
            header_timeout: reader.read("header-timeout", values::some_time),
            body_timeout: reader.read("body-timeout", values::some_time),
            keep_alive: reader.read("keep-alive", values::some_time),
            max_age: reader.read("max-connection-age", values::duration),
        };
        let drain = DrainOptions {
            delay: reader.read("drain-delay", values::duration),
            timeout: reader.read("drain-timeout", values::duration),
        };
        let activation = reader.read("activation", values::one_of(&values::ACTIVATIONS));
        let (device, precision, isa) = reader.device();
        let exif_orientation =
            reader.read("exif-orientation", values::one_of(&values::EXIF_ORIENTATIONS));
        let host = reader.read("host", values::host);
        let log_level = reader.read("log-level", values::one_of(&values::LOG_LEVELS));
        let log_format = reader.read("log-format", values::one_of(&values::LOG_FORMATS));
        let threads = reader.read("threads", values::threads);
        let batches = BatchChoice {
            workers: reader.workers(threads),
            most: reader.read("max-batch", values::positive),
            delay: reader.read("batch-delay", values::duration),
        };
        let queue_timeout = reader.read("queue-timeout", values::some_time);
        let max_queued_images = reader.queued_images(limits.images);
        let memory_limit = reader.read("memory-limit", values::memory_limit);
        match model {
            Some(model) if reader.wrong.is_empty() && hub.is_empty() => Self {
                model,
                activation,
                device,
                precision,
                isa,
                exif_orientation,
                host,
                port,
                admin_port,
                log_level,
                log_format,
                threads,
                batches,
                queue_timeout,
                max_queued_images,
                memory_limit,
                limits,
                max_image_pixels,
                max_connections,
                connections,
                drain,
                given: reader.given,
            }
            .check_memory(),
            _ => {
                let ours = reader.wrong.iter().map(WrongValue::to_string);
                Err(ConfigError::Values(ours.chain(hub).collect()))
            }
        }
    }

    /// What the memory is used for, when the model is one of `architecture`.
    ///
    /// # Errors
    /// [`Overcommitted`], where not all fits.
    pub fn memory_plan(&self, architecture: &Architecture) -> Result<MemoryPlan, Overcommitted> {
        let demands = Demands {
            weight_bytes: self.precision.bytes(),
            workers: self.batches.workers.unwrap_or(self.threads) as u64,
            batch: self.batches.most as u64,
            queued_images: self.max_queued_images as u64,
            connections: self.max_connections as u64,
            body_bytes: self.limits.body_bytes as u64,
        };
        MemoryPlan::new(self.memory_limit.clone(), architecture, &demands)
    }

    /// Refuses what cannot fit, as soon as it is known: a repository of the hub says only later
    /// what it holds.
    fn check_memory(self) -> Result<Self, ConfigError> {
        match self.model.architecture().map(|architecture| self.memory_plan(architecture)) {
            Some(Err(overcommitted)) => {
                Err(ConfigError::Values(vec![format!("--memory-limit: {overcommitted}")]))
            }
            _ => Ok(self),
        }
    }
}

/// Of the images that may be queued, those that are kept for small requests: a ninth.
pub fn small_images(queued: usize) -> usize {
    queued / 9
}

/// Turns what was given into values and keeps every mistake.
struct Reader {
    given: Given,
    wrong: Vec<WrongValue>,
}

impl Reader {
    fn text(&self, flag: &'static str) -> &str {
        &self.given[flag].0
    }

    fn refuse(&mut self, flag: &'static str, reason: String) {
        let (found, origin) = self.given[flag].clone();
        self.wrong.push(WrongValue { setting: flag, found, origin, reason });
    }

    /// The value of `flag`; a wrong one is kept as a mistake and stands in by its default.
    fn read<T>(&mut self, flag: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let parsed = parse(self.text(flag).trim());
        parsed.unwrap_or_else(|reason| {
            self.refuse(flag, reason);
            parse(setting(flag).default).expect("every default parses: a test reads them all")
        })
    }

    fn model(&mut self) -> Option<ModelSpec> {
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

    fn device(&mut self) -> (DeviceChoice, Precision, Option<Isa>) {
        let device = self.read("device", values::one_of(&values::DEVICES));
        let precision = self.read("precision", values::one_of(&values::PRECISIONS));
        let isa = self.read("cpu-isa", values::one_of(&values::ISAS));
        // The one type that only CPUs compute in.
        let device = match (device, precision) {
            (DeviceChoice::Auto, Some(Precision::Int8)) => DeviceChoice::Cpu,
            _ => device,
        };
        let gpu_possible = device != DeviceChoice::Cpu && candle_core::utils::cuda_is_available();
        if device == DeviceChoice::Cuda && !gpu_possible {
            self.refuse("device", DeviceError::NotBuilt.to_string());
        }
        let on_cpu = |precision| device::kernels(isa, precision);
        let Some(precision) = precision else {
            // Plain Rust can, but slowly.
            let has = |kernels: Kernels| kernels.isa() != Isa::Portable;
            let bf16 = !gpu_possible && on_cpu(Precision::Bf16).is_ok_and(has);
            return (device, if bf16 { Precision::Bf16 } else { Precision::F32 }, isa);
        };
        if let (DeviceChoice::Cuda, Err(error)) = (device, precision.on_gpu()) {
            self.refuse("precision", error.to_string());
            return (device, precision, isa);
        }
        match on_cpu(precision) {
            Err(error @ DeviceError::Isa(_)) => self.refuse("cpu-isa", error.to_string()),
            Err(error) if !gpu_possible => self.refuse("precision", error.to_string()),
            _ => {}
        }
        (device, precision, isa)
    }

    fn workers(&mut self, threads: usize) -> Option<usize> {
        let workers = self.read("workers", values::workers);
        if workers.is_some_and(|workers| workers > threads) {
            self.refuse("workers", format!("is more than --threads, which is {threads}"));
        }
        workers
    }

    fn queued_images(&mut self, images: usize) -> usize {
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

    fn ports(&mut self) -> (u16, Option<u16>) {
        let port = self.read("port", values::port_number);
        let admin_port = self.read("admin-port", values::port_number);
        if admin_port != 0 && admin_port == port {
            let reason = "is also the API's --port; choose another, or 0 to do without";
            self.refuse("admin-port", reason.into());
        }
        (port, (admin_port != 0).then_some(admin_port))
    }
}

/// What is wrong with the variables of the model hub, which are not settings of ours but are read
/// when a model comes from there.
fn wrong_hub_settings(env: &impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let text = |name: &str| env(name).map(|value| value.to_string_lossy().into_owned());
    match Settings::from_env(text) {
        Err(HubError::Settings(wrong)) => wrong,
        // What else may fail is said when the hub is used.
        _ => Vec::new(),
    }
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
