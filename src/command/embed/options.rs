//! The command line of `inference-service embed`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{
    Arg, ArgAction, ArgMatches, Command, ValueHint, builder::PossibleValuesParser, value_parser,
};

use crate::{
    command::{complain, in_process},
    config::USAGE,
    files::output::Format,
};

/// What is to be done.
pub(super) struct Options {
    pub paths: Vec<PathBuf>,
    pub target: Target,
    /// Whether what an interrupted run has left is thrown away.
    pub restart: bool,
}

/// Where records go.
pub(super) enum Target {
    /// JSON lines on standard output.
    Lines,
    File(PathBuf, Format),
}

pub(in crate::command) fn command() -> Command {
    let output = Arg::new("output")
        .long("output")
        .short('o')
        .value_name("FILE")
        .help(
            "File to write: .npy (float32 [n, dim]; paths beside it in FILE.paths.jsonl), .parquet or \
             .jsonl; - is JSON lines on standard output",
        )
        .default_value("-")
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(PathBuf));
    let format = Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .help("Format of the output, whatever its name ends in")
        .value_parser(PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)));
    let restart = Arg::new("restart")
        .long("restart")
        .help("Start anew, without what an interrupted run has left in FILE.partial")
        .action(ArgAction::SetTrue);
    let command = Command::new("embed")
        .about("Embeds the photos in files and folders, without a service")
        .arg(
            in_process::paths(1)
                .required(true)
                .help("Files, and folders with all that is in them but hidden names"),
        )
        .args([output, format, restart])
        .after_help(
            "Files that are no images by their first bytes are passed over. What is done is kept in\n\
             FILE.partial; run again after an interruption, the same command goes on from there, and\n\
             embeds what has changed since. FILE appears whole when all is done.\n\n\
             Exit status: 0; 2 if some files could not be embedded, which are listed at the end; 1 if\n\
             nothing could be done; 64 for a wrong command line; 130 after Ctrl-C.\n\n\
             inference-service embed photos -o photos.npy\n\
             inference-service embed photos --pretrained random | jq -c '[.path, .hash]'",
        );
    in_process::with_settings(command)
}

impl Options {
    pub fn of(matches: &ArgMatches) -> Result<Self, ExitCode> {
        let output = matches.get_one::<PathBuf>("output").map_or(Path::new("-"), PathBuf::as_path);
        let format = matches.get_one::<String>("format").and_then(|name| Format::named(name));
        let target = target(output, format).map_err(|reason| {
            let output = output.display();
            complain(&format_args!(
                "--output {output}: {reason}\n\nSee inference-service embed --help."
            ));
            ExitCode::from(USAGE)
        })?;
        let restart = matches.get_flag("restart");
        Ok(Self { paths: in_process::named(matches)?, target, restart })
    }
}

fn target(output: &Path, format: Option<Format>) -> Result<Target, &'static str> {
    if output == "-" {
        return match format {
            None | Some(Format::Jsonl) => Ok(Target::Lines),
            Some(_) => Err("only jsonl goes to standard output: name a file"),
        };
    }
    let extension = output.extension().and_then(|extension| extension.to_str());
    let format = format.or_else(|| extension.and_then(Format::named));
    let format =
        format.ok_or("use a name that ends in .npy, .parquet or .jsonl, or add --format")?;
    if output.is_dir() {
        return Err("is a folder: name a file");
    }
    Ok(Target::File(output.to_owned(), format))
}
