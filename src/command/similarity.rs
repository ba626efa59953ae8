//! `inference-service similarity A B...`: how near photos are to one another.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Serialize;

use super::{
    collect::{self, Photo, Photos},
    duplicates::short,
    fail, in_process, print, printed,
};
use crate::{
    duplicates::{CosinesError, matrix},
    files::names::{printable, text},
    preprocess::{
        PhotoFacts,
        perceptual_hash::{BITS, Likeness},
    },
};

/// Most photos that are compared: a larger table is none to read.
const MOST: usize = 1000;

pub(super) fn command() -> Command {
    let json = Arg::new("json")
        .long("json")
        .help("Print one JSON document instead of a table")
        .action(ArgAction::SetTrue);
    let paths = in_process::paths(2).required(true).help("Two photos or more, or folders of them");
    let command = Command::new("similarity")
        .about("Says how near photos are: the cosine of embeddings, the distance of hashes")
        .arg(paths)
        .arg(json)
        .after_help(
            "Exit status: 0; 1 if a photo cannot be embedded; 64 for a wrong command line.\n\n\
             inference-service similarity a.jpg b.jpg",
        );
    in_process::with_settings(command)
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    done(matches).unwrap_or_else(|status| status)
}

fn done(matches: &ArgMatches) -> Result<ExitCode, ExitCode> {
    let config = in_process::config("similarity", matches)?;
    let photos = collect::embedded(&config, &in_process::named(matches)?)?;
    if photos.failures.count() > 0 {
        let _ = io::stderr().write_all(photos.failures.list().as_bytes());
        return Err(ExitCode::FAILURE);
    }
    if photos.photos.len() < 2 {
        return Err(fail(&"there are not two photos to compare"));
    }
    let compared = Compared::new(&photos).map_err(|error| fail(&error))?;
    if matches.get_flag("json") {
        return Ok(match serde_json::to_string_pretty(&compared) {
            Ok(document) => print(document),
            Err(error) => printed(Err(error.into())),
        });
    }
    Ok(printed(io::stdout().lock().write_all(compared.table(&photos.photos).as_bytes())))
}

/// A photo in the JSON document.
#[derive(Serialize)]
struct Named {
    path: String,
    #[serde(flatten)]
    facts: PhotoFacts,
    bytes: u64,
}

/// Everything about everything.
#[derive(Serialize)]
struct Compared {
    photos: Vec<Named>,
    cosines: Vec<Vec<f64>>,
    hash_distances: Vec<Vec<u32>>,
}

impl Compared {
    fn new(photos: &Photos) -> Result<Self, CosinesError> {
        let cosines = matrix(&photos.vectors, MOST * MOST)?;
        let cosines = cosines.into_iter().map(|row| row.into_iter().map(short).collect());
        let photos = &photos.photos;
        let distance = |a: &Photo, b: &Photo| a.facts.hash.distance(b.facts.hash);
        let distances = |a| photos.iter().map(|b| distance(a, b)).collect();
        let named = |photo: &Photo| Named {
            path: text(&photo.path),
            facts: photo.facts,
            bytes: photo.stamp.bytes,
        };
        Ok(Self {
            cosines: cosines.collect(),
            hash_distances: photos.iter().map(distances).collect(),
            photos: photos.iter().map(named).collect(),
        })
    }

    fn table(&self, photos: &[Photo]) -> String {
        if photos.len() > 2 {
            return self.matrices(photos);
        }
        let (cosine, distance) = (self.cosines[0][1], self.hash_distances[0][1]);
        let likeness = Likeness::at(distance);
        format!(
            "cosine         {cosine:.6}\nhash distance  {distance} of {BITS} bits ({likeness})\n"
        )
    }

    fn matrices(&self, photos: &[Photo]) -> String {
        let mut text = String::new();
        for (at, photo) in photos.iter().enumerate() {
            text.push_str(&format!("{:>4}  {}\n", at + 1, printable(&photo.path)));
        }
        text.push_str("\ncosine\n");
        text.push_str(&rows(&self.cosines, |cosine| format!("{cosine:.4}")));
        text.push_str(&format!("\nhash distance, of {BITS} bits\n"));
        text.push_str(&rows(&self.hash_distances, u32::to_string));
        text
    }
}

/// A table with the numbers of photos above and before it.
fn rows<T>(numbers: &[Vec<T>], tell: impl Fn(&T) -> String) -> String {
    let cells = |cells: &mut dyn Iterator<Item = String>| -> String {
        cells.map(|cell| format!("{cell:>9}")).collect()
    };
    let mut text = format!("    {}\n", cells(&mut (1..=numbers.len()).map(|at| at.to_string())));
    for (at, row) in numbers.iter().enumerate() {
        text.push_str(&format!("{:>4}{}\n", at + 1, cells(&mut row.iter().map(&tell))));
    }
    text
}
