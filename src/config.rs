//! What the settings mean: flags and environment, read once into one checked [`Config`].
//!
//! [`settings`] holds the table of what can be said. All mistakes are reported together, each with
//! what would be right, before anything else happens; nothing after this sees a raw flag.

mod access;
pub mod cgroup;
mod device;
pub mod memory;
mod reader;
pub mod settings;
mod values;

use std::{ffi::OsString, process::ExitCode, time::Duration};

use cgroup::MemoryLimit;
use clap::ArgMatches;
use memory::{Demands, MemoryPlan, Overcommitted};
use reader::Reader;
use settings::Given;

use crate::{
    embedder::{BatchChoice, TextChoice, TextMemory},
    fetch::FetchOptions,
    http::{
        Access,
        connection::{ConnectionOptions, GRPC_CONNECTIONS},
    },
    kernels::Isa,
    model::{
        architecture::{Activation, Architecture},
        device::{DeviceChoice, Precision},
        hub::{HubError, Settings},
        registry::{ModelSpec, Source},
    },
    preprocess::ExifOrientation,
    shutdown::DrainOptions,
    telemetry::{LogFormat, LogLevel, traces::TraceOptions},
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
    /// When the text tower is loaded.
    pub text: TextChoice,
    /// Where traces go, if anywhere.
    pub traces: Option<TraceOptions>,
    /// Who may ask the API, and from where.
    pub access: Access,
    /// Whether there is a page at `/`.
    pub page: bool,
    /// Which photos are fetched by their URLs.
    pub fetch: FetchOptions,
    /// Port of gRPC, if there is one.
    pub grpc_port: Option<u16>,
    /// The settings as they were given, each with its origin; secrets are hidden.
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

/// How long a file may wait for the files before it.
const PATIENCE_WITH_FILES: Duration = Duration::from_secs(86_400);

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

impl Config {
    /// Reads a command line that has the [`settings::arguments`], then `env`, then defaults.
    ///
    /// # Errors
    /// [`ConfigError::Values`] with every value that is wrong.
    pub fn read(
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        Self::checked(matches, env)?.check_memory()
    }

    /// The same for a process that embeds files itself: there are no connections, and nobody who is
    /// refused for having waited long.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_for_files(
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let config = Self::checked(matches, env)?;
        Self { max_connections: 0, queue_timeout: PATIENCE_WITH_FILES, ..config }.check_memory()
    }

    /// Each setting by itself.
    fn checked(
        matches: &ArgMatches,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let mut reader = Reader { given: settings::gather(matches, &env), wrong: Vec::new() };
        let model = reader.model();
        let hub = match &model {
            Some(ModelSpec { source: Source::Hub { .. }, .. }) => wrong_hub_settings(&env),
            _ => Vec::new(),
        };
        let (port, admin_port) = reader.ports();
        let limits = Limits {
            body_bytes: reader.read("max-body-bytes", values::bytes),
            images: reader.read("max-images", values::images),
        };
        let max_image_pixels = reader.read("max-image-pixels", values::pixels);
        let max_connections = reader.read("max-connections", values::connections);
        let (connections, drain) = reader.patience();
        let fetch = FetchOptions {
            hosts: reader.read("url-hosts", values::hosts),
            timeout: reader.read("url-timeout", values::some_time),
            max_bytes: reader.read("url-max-bytes", values::bytes),
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
        let text = reader.read("text", values::one_of(&values::TEXTS));
        let traces = reader.traces();
        let access = reader.access();
        let page = reader.read("page", values::one_of(&values::SWITCH));
        let grpc_port = reader.grpc_port(port, admin_port);
        match model {
            Some(model) if reader.wrong.is_empty() && hub.is_empty() => Ok(Self {
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
                text,
                traces,
                access,
                page,
                fetch,
                grpc_port,
                given: reader.given,
            }),
            _ => {
                let ours = reader.wrong.iter().map(ToString::to_string);
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
            text: self.text == TextChoice::On,
            workers: self.batches.workers.unwrap_or(self.threads) as u64,
            batch: self.batches.most as u64,
            queued_images: self.max_queued_images as u64,
            connections: u64::from(self.max_connections) + self.grpc_connections(),
            tls: self.access.tls.is_some(),
            body_bytes: self.limits.body_bytes as u64,
        };
        MemoryPlan::new(self.memory_limit.clone(), architecture, &demands)
    }

    /// Most connections to the port of gRPC at the same time.
    pub fn grpc_connections(&self) -> u64 {
        self.grpc_port.map_or(0, |_| u64::from(GRPC_CONNECTIONS))
    }

    /// What the text tower of a model of `architecture` takes.
    pub fn text_memory(&self, architecture: &Architecture) -> TextMemory {
        let workers = self.batches.workers.unwrap_or(self.threads) as u64;
        memory::text(architecture, self.precision.bytes(), workers)
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
