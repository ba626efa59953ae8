//! `inference-service duplicates PATH...`: which photos show the same, as a table, as JSON and as a
//! page with thumbnails. Deletes and changes nothing.

mod found;
mod page;
mod table;
mod thumbnail;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use found::Found;
pub(super) use found::short;

use super::{
    collect::{self, Photo},
    complain, fail,
    in_process::{self, SOME_FAILED},
    print, printed,
};
use crate::{
    config::USAGE,
    duplicates::{Threshold, group},
    kernels::Kernels,
    threads,
};

pub(super) fn command() -> Command {
    let threshold = Arg::new("threshold")
        .long("threshold")
        .value_name("COSINE")
        .help("Least cosine of two photos that are linked; a group is what hangs together by links")
        .default_value("0.95")
        .value_parser(threshold);
    let json = Arg::new("json")
        .long("json")
        .help("Print one JSON document instead of a table")
        .action(ArgAction::SetTrue);
    let html = Arg::new("html")
        .long("html")
        .value_name("FILE")
        .help("Also write a page with thumbnails, complete in itself")
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(PathBuf));
    let from = Arg::new("from")
        .long("from")
        .value_name("FILE")
        .help("Take the embeddings from this file, .npy or .jsonl, which `embed` has written")
        .conflicts_with("paths")
        .value_hint(ValueHint::FilePath)
        .value_parser(value_parser!(PathBuf));
    let paths = in_process::paths(1)
        .required_unless_present("from")
        .help("Files, and folders with all that is in them but hidden names");
    let command = Command::new("duplicates")
        .about("Groups the photos in files and folders that show the same; changes nothing")
        .arg(paths)
        .args([threshold, json, html, from])
        .after_help(
            "The best of a group has the most pixels, then the largest file, then the highest mean cosine\n\
             to the others. `identical` are pictures whose perceptual hashes are at most 4 of 64 bits\n\
             apart, `near` are others. All vectors are held in memory: 2 KB a photo for ViT-B-32.\n\n\
             Exit status: 0, whatever was found; 2 if some files could not be embedded; 1 if nothing\n\
             could be done; 64 for a wrong command line; 130 after Ctrl-C.\n\n\
             inference-service duplicates photos --html duplicates.html\n\
             inference-service duplicates photos --json | jq -r '.groups[].members[] | select(.best | not).path'",
        );
    in_process::with_settings(command)
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let cosine: f64 = text.parse().map_err(|_| "use a number from -1 to 1, like 0.95")?;
    Threshold::try_from(cosine).map_err(|error| error.to_string())
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    done(matches).unwrap_or_else(|status| status)
}

fn done(matches: &ArgMatches) -> Result<ExitCode, ExitCode> {
    let threshold = *matches.get_one("threshold").unwrap_or(&Threshold::DEFAULT);
    let html = matches.get_one::<PathBuf>("html");
    if let Some(html) = html.filter(|html| html.is_dir()) {
        complain(&format_args!("--html {}: is a folder: name a file", html.display()));
        return Err(ExitCode::from(USAGE));
    }
    let config = in_process::config("duplicates", matches)?;
    let photos = match matches.get_one::<PathBuf>("from") {
        Some(file) => collect::written(file)?,
        None => collect::embedded(&config, &in_process::named(matches)?)?,
    };
    let threads = threads::pool("group", config.threads)
        .map_err(|error| fail(&format_args!("cannot start the threads that compare: {error}")))?;
    let quality: Vec<_> = photos.photos.iter().map(Photo::quality).collect();
    let groups = threads.install(|| group(&Kernels::best(), &photos.vectors, threshold, &quality));
    let found = Found::new(&photos, &groups, threshold);
    let told = if matches.get_flag("json") {
        match serde_json::to_string_pretty(&found) {
            Ok(document) => print(document),
            Err(error) => printed(Err(error.into())),
        }
    } else {
        printed(io::stdout().lock().write_all(table::table(&found).as_bytes()))
    };
    if let Some(html) = html {
        threads
            .install(|| page::write(html, &found))
            .map_err(|error| fail(&format_args!("--html {}: {error}", html.display())))?;
    }
    let _ = io::stderr().write_all(photos.failures.list().as_bytes());
    let has_failed = photos.failures.count() > 0 && told == ExitCode::SUCCESS;
    Ok(if has_failed { ExitCode::from(SOME_FAILED) } else { told })
}
