//! What the command line says.

use std::{ffi::OsString, path::PathBuf};

use clap::{Arg, ArgAction, Command, value_parser};
use inference_service::{kernels::Isa, model::device::Precision};

/// The name of this benchmark, for those who ask for some by a part of their name.
const NAME: &str = "throughput";

/// What is to be measured, and how.
pub struct Options {
    /// Whether this benchmark is among those that were asked for.
    pub wanted: bool,
    pub json: bool,
    pub turns: bool,
    pub rounds: usize,
    pub seconds: f64,
    pub threads: usize,
    pub batches: Vec<usize>,
    pub precision: Precision,
    pub isa: Option<Isa>,
    /// Normalised numbers of images, little-endian f32.
    pub pixels: Option<PathBuf>,
}

fn command() -> Command {
    let flag = |name, help| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue);
    let option = |name, value, help| Arg::new(name).long(name).value_name(value).help(help);
    let precisions = ["f32", "f16", "bf16", "int8"];
    let isas = ["auto", "avx512", "avx2", "neon", "portable"];
    Command::new(NAME)
        .about("Images a second of the forward pass on a CPU, beside the limit of the machine")
        .arg(Arg::new("filter").num_args(0..).help("Parts of the names of wanted benchmarks"))
        .arg(flag("bench", "Given by cargo").hide(true))
        .arg(flag("json", "Print every measurement, as one document"))
        .arg(flag("turns", "Measure what lines on standard input ask for"))
        .arg(
            option("rounds", "N", "Rounds")
                .default_value("5")
                .value_parser(value_parser!(u64).range(1..)),
        )
        .arg(
            option("seconds", "S", "Length of a measurement")
                .default_value("2")
                .value_parser(value_parser!(f64)),
        )
        .arg(
            option("threads", "N", "Cores; all that the process may use if left out")
                .value_parser(value_parser!(u64).range(1..)),
        )
        .arg(
            option("batches", "N,..", "Batch sizes")
                .value_delimiter(',')
                .default_value("1,4,8,16,32")
                .value_parser(value_parser!(u64).range(1..)),
        )
        .arg(
            option("precision", "TYPE", "Type the model computes in")
                .default_value("f32")
                .value_parser(precisions),
        )
        .arg(
            option("cpu-isa", "ISA", "Instruction set; auto is the widest")
                .default_value("auto")
                .value_parser(isas),
        )
        .arg(
            option(
                "pixels",
                "FILE",
                "Normalised pixels [n, 3, 224, 224] as little-endian f32; made up if left out",
            )
            .value_parser(value_parser!(PathBuf)),
        )
}

impl Options {
    /// Reads the command line, and ends the process where it cannot.
    pub fn from_command_line() -> Self {
        Self::of(std::env::args_os())
    }

    fn of(arguments: impl Iterator<Item = OsString>) -> Self {
        let said = command().get_matches_from(arguments);
        let number = |name: &str| said.get_one::<u64>(name).map(|number| *number as usize);
        let word = |name: &str| said.get_one::<String>(name).map_or("", String::as_str);
        let mut filter = said.get_many::<String>("filter").unwrap_or_default().peekable();
        Self {
            wanted: filter.peek().is_none() || filter.any(|part| NAME.contains(part.as_str())),
            json: said.get_flag("json"),
            turns: said.get_flag("turns"),
            rounds: number("rounds").unwrap_or(1),
            seconds: said.get_one("seconds").copied().unwrap_or(1.),
            threads: number("threads").unwrap_or_else(cores),
            batches: said
                .get_many("batches")
                .into_iter()
                .flatten()
                .map(|n: &u64| *n as usize)
                .collect(),
            precision: match word("precision") {
                "f16" => Precision::F16,
                "bf16" => Precision::Bf16,
                "int8" => Precision::Int8,
                _ => Precision::F32,
            },
            isa: match word("cpu-isa") {
                "avx512" => Some(Isa::Avx512),
                "avx2" => Some(Isa::Avx2),
                "neon" => Some(Isa::Neon),
                "portable" => Some(Isa::Portable),
                _ => None,
            },
            pixels: said.get_one("pixels").cloned(),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a benchmark has no settings of the service")]
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
