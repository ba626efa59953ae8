//! The one table of settings: flag, environment variable, default and meaning of each.
//!
//! The command line, `--help`, the reading of the environment and the table in the README all come
//! from (or are tested against) [`SETTINGS`]. This file knows what was said; [`super`] what it means.

use std::{collections::HashMap, ffi::OsString};

use clap::{Arg, ArgMatches, Command};

/// One setting, as a person writes it.
#[derive(Debug)]
pub struct Setting {
    /// Name of the flag, without the dashes.
    pub flag: &'static str,
    /// Environment variable of the same meaning; the flag wins, an empty variable counts as unset.
    pub env: &'static str,
    /// What holds when neither is given; empty where nothing does.
    pub default: &'static str,
    /// What stands for the value in `--help`.
    pub value: &'static str,
    /// One sentence of help: meaning, unit and what may be written.
    pub help: &'static str,
}

/// Every setting of the service, in the order of `--help` and of the README.
pub const SETTINGS: &[Setting] = &[
    Setting {
        flag: "model-name",
        env: "MODEL_NAME",
        default: "ViT-B-32",
        value: "NAME",
        help: "Model to serve: a name of open_clip's, hf-hub:ORG/REPO or local-dir:PATH",
    },
    Setting {
        flag: "pretrained",
        env: "MODEL_PRETRAINED",
        default: "openai",
        value: "TAG",
        help: "Weights: a tag of the model, the path of a .safetensors file, or `random` (seeded, no download)",
    },
    Setting {
        flag: "host",
        env: "HOST",
        default: "127.0.0.1",
        value: "HOST",
        help: "Address to listen on; 0.0.0.0 or :: for every interface",
    },
    Setting {
        flag: "port",
        env: "PORT",
        default: "8002",
        value: "PORT",
        help: "Port of the API; 0 takes a free one and logs it",
    },
    Setting {
        flag: "admin-port",
        env: "ADMIN_PORT",
        default: "9090",
        value: "PORT",
        help: "Port of health, model info and metrics alone; 0 switches it off",
    },
    Setting {
        flag: "log-level",
        env: "LOG_LEVEL",
        default: "info",
        value: "LEVEL",
        help: "What is logged: debug, info, warning (or warn) or error",
    },
    Setting {
        flag: "log-format",
        env: "LOG_FORMAT",
        default: "text",
        value: "FORMAT",
        help: "How it is logged: text for people, json for machines",
    },
    Setting {
        flag: "device",
        env: "DEVICE",
        default: "auto",
        value: "DEVICE",
        help: "Where the model runs: auto (a GPU if this build and machine have one), cpu or cuda",
    },
    Setting {
        flag: "precision",
        env: "PRECISION",
        default: "f32",
        value: "TYPE",
        help: "Type the model computes in: f32, bf16 (a GPU, or AVX512_BF16), f16 (a GPU), int8 (AVX512_VNNI) or auto",
    },
    Setting {
        flag: "cpu-isa",
        env: "CPU_ISA",
        default: "auto",
        value: "ISA",
        help: "Instruction set of the resize, and of the model on a CPU: auto (the widest), avx512, avx2, neon or portable",
    },
    Setting {
        flag: "activation",
        env: "ACTIVATION",
        default: "auto",
        value: "NAME",
        help: "Activation of the model: auto (as its checkpoint was trained), gelu or quick_gelu",
    },
    Setting {
        flag: "exif-orientation",
        env: "EXIF_ORIENTATION",
        default: "ignore",
        value: "HOW",
        help: "A photo's EXIF orientation: ignore (as the original service) or apply",
    },
    Setting {
        flag: "threads",
        env: "THREADS",
        default: "auto",
        value: "N",
        help: "Threads that decode and that compute; auto is one for each CPU that the process may use",
    },
    Setting {
        flag: "workers",
        env: "WORKERS",
        default: "auto",
        value: "N",
        help: "Batches computed side by side; auto is one for each of --threads, on a GPU one",
    },
    Setting {
        flag: "max-batch",
        env: "MAX_BATCH",
        default: "32",
        value: "N",
        help: "Most images in one forward pass; on a CPU at most 4, since more gain nothing",
    },
    Setting {
        flag: "batch-delay",
        env: "BATCH_DELAY",
        default: "0",
        value: "TIME",
        help: "How long a batch that is not full waits for more images, like 5ms",
    },
    Setting {
        flag: "queue-timeout",
        env: "QUEUE_TIMEOUT",
        default: "10s",
        value: "TIME",
        help: "How long a request may wait before work on it begins; then it is answered 429",
    },
    Setting {
        flag: "max-queued-images",
        env: "MAX_QUEUED_IMAGES",
        default: "288",
        value: "N",
        help: "Most images let in that have no answer yet; a ninth is kept for requests of up to 8",
    },
    Setting {
        flag: "memory-limit",
        env: "MEMORY_LIMIT",
        default: "auto",
        value: "SIZE",
        help: "Memory that the process may use, like 3GiB; auto is the container's limit or the machine's memory",
    },
    Setting {
        flag: "max-body-bytes",
        env: "MAX_BODY_BYTES",
        default: "256MiB",
        value: "SIZE",
        help: "Largest request body; bytes, or with a unit like 64MiB",
    },
    Setting {
        flag: "max-images",
        env: "MAX_IMAGES",
        default: "256",
        value: "N",
        help: "Most images in one request, up to 65536",
    },
    Setting {
        flag: "max-image-pixels",
        env: "MAX_IMAGE_PIXELS",
        default: "178956970",
        value: "N",
        help: "Most pixels (width x height) of one image; the default is Pillow's own limit",
    },
    Setting {
        flag: "max-connections",
        env: "MAX_CONNECTIONS",
        default: "2048",
        value: "N",
        help: "Most connections to the API at the same time; further ones wait until others end",
    },
    Setting {
        flag: "header-timeout",
        env: "HEADER_TIMEOUT",
        default: "10s",
        value: "TIME",
        help: "Longest time for the head of a request; seconds, or with a unit like 500ms or 2m",
    },
    Setting {
        flag: "body-timeout",
        env: "BODY_TIMEOUT",
        default: "10s",
        value: "TIME",
        help: "Time in which at least 1 KiB a second of a request's body must come, else the answer is 408",
    },
    Setting {
        flag: "keep-alive",
        env: "KEEP_ALIVE",
        default: "75s",
        value: "TIME",
        help: "How long a connection stays open between two requests",
    },
    Setting {
        flag: "max-connection-age",
        env: "MAX_CONNECTION_AGE",
        default: "0",
        value: "TIME",
        help: "After it, the next answer tells the client to connect anew; 0 means never",
    },
    Setting {
        flag: "drain-delay",
        env: "DRAIN_DELAY",
        default: "3s",
        value: "TIME",
        help: "After SIGTERM: how long new connections are still taken, with /readyz at 503",
    },
    Setting {
        flag: "drain-timeout",
        env: "DRAIN_TIMEOUT",
        default: "20s",
        value: "TIME",
        help: "After that: how long running requests may take before they are cut off",
    },
    Setting {
        flag: "text",
        env: "TEXT",
        default: "auto",
        value: "WHEN",
        help: "The text tower: auto (loaded with the first text, if its memory is there), on (at the start) or off",
    },
    Setting {
        flag: "otlp-endpoint",
        env: "OTEL_EXPORTER_OTLP_ENDPOINT",
        default: "",
        value: "URL",
        help: "Collector that gets traces by OTLP over HTTP, like http://collector:4318; empty sends none",
    },
    Setting {
        flag: "trace-ratio",
        env: "OTEL_TRACES_SAMPLER_ARG",
        default: "1",
        value: "SHARE",
        help: "Share of the traces that begin here which are sent, 0 to 1; a client's own choice is followed",
    },
    Setting {
        flag: "api-key",
        env: "API_KEY",
        default: "",
        value: "KEY",
        help: "Key that clients must send (`Authorization: Bearer KEY`); better by the variable, which other users do not see",
    },
    Setting {
        flag: "api-key-file",
        env: "API_KEY_FILE",
        default: "",
        value: "PATH",
        help: "File with such keys, one a line, # before comments; read again when it changes",
    },
    Setting {
        flag: "cors-origins",
        env: "CORS_ORIGINS",
        default: "",
        value: "LIST",
        help: "Origins whose pages may read answers in a browser, like https://app.example, with commas; * for all",
    },
    Setting {
        flag: "tls-cert",
        env: "TLS_CERT",
        default: "",
        value: "PATH",
        help: "Certificate chain (PEM) with which the API's port speaks TLS; read again when it changes",
    },
    Setting {
        flag: "tls-key",
        env: "TLS_KEY",
        default: "",
        value: "PATH",
        help: "Its private key (PEM: PKCS#8, PKCS#1 or SEC1)",
    },
    Setting {
        flag: "page",
        env: "PAGE",
        default: "on",
        value: "SWITCH",
        help: "The page at / that groups the photos dropped on it: on or off",
    },
    Setting {
        flag: "url-hosts",
        env: "URL_HOSTS",
        default: "",
        value: "HOSTS",
        help: "Hosts that photos may be fetched from by URL, like photos.example.com,*.example.com; none: no URLs",
    },
    Setting {
        flag: "url-timeout",
        env: "URL_TIMEOUT",
        default: "10s",
        value: "TIME",
        help: "Longest time for one photo by URL, with its redirects",
    },
    Setting {
        flag: "url-max-bytes",
        env: "URL_MAX_BYTES",
        default: "32MiB",
        value: "SIZE",
        help: "Largest photo that is fetched by URL; bytes, or with a unit like 64MiB",
    },
    Setting {
        flag: "grpc-port",
        env: "GRPC_PORT",
        default: "0",
        value: "PORT",
        help: "Port of gRPC (Open Inference Protocol), for Triton's clients that of the API and 1; 0 switches it off",
    },
];

/// What stands for a value that is never shown.
pub(super) const HIDDEN: &str = "***";

impl Setting {
    /// Whether its value is never shown: not in a message, not by `inference-service config`.
    pub fn is_secret(&self) -> bool {
        self.flag == "api-key"
    }

    /// Its help, with what holds without it.
    fn help(&self) -> String {
        let Self { help, env, default, .. } = self;
        match *default {
            "" => format!("{help} [env: {env}]"),
            default => format!("{help} [env: {env}] [default: {default}]"),
        }
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment variable.
    Environment,
    /// Neither: the default.
    Default,
}

/// The settings as they were given, by flag, each with its origin.
pub type Given = HashMap<&'static str, (String, Origin)>;

/// The settings as arguments of a command line, which all take effect; its help shows those that are
/// `shown`.
pub fn arguments(shown: impl Fn(&str) -> bool) -> impl Iterator<Item = Arg> {
    SETTINGS.iter().map(move |setting| {
        Arg::new(setting.flag)
            .long(setting.flag)
            .value_name(setting.value)
            .help(setting.help())
            .help_heading("Settings")
            .hide(!shown(setting.flag))
    })
}

/// The command line of the service.
pub fn command() -> Command {
    Command::new("inference-service")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves CLIP image embeddings over HTTP, or does what a command says.")
        .after_help(
            "Try it without a network: inference-service --pretrained random\n\
             Then: curl -F files=@photo.jpg http://127.0.0.1:8002/embed/batch\n\
             Of a command: inference-service help COMMAND",
        )
        .args(arguments(|_| true))
}

/// Takes flags, then `env`, then defaults.
pub(super) fn gather(matches: &ArgMatches, env: impl Fn(&str) -> Option<OsString>) -> Given {
    let of = |setting: &'static Setting| {
        let flag = matches.get_one::<String>(setting.flag).cloned();
        // A value that is no UTF-8 is passed on with its broken places marked: it is refused
        // where it is read, by the setting's own message.
        let variable = || {
            let value = env(setting.env)?.to_string_lossy().into_owned();
            (!value.is_empty()).then_some(value)
        };
        let value = flag
            .map(|value| (value, Origin::Flag))
            .or_else(|| variable().map(|value| (value, Origin::Environment)))
            .unwrap_or_else(|| (setting.default.to_owned(), Origin::Default));
        (setting.flag, value)
    };
    SETTINGS.iter().map(of).collect()
}
