//! Measures what is asked for, a turn at a time, so that others can have turns between.
//!
//! Each line on standard input is a [`Turn`] as JSON; each is answered by a line on standard output.
//! The first line says what runs. The program ends with its input.

use std::{
    fs,
    io::{BufRead, stdin},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{
    limit,
    ours::{Ours, Rate},
};

/// What is asked for.
#[derive(Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
enum Turn {
    /// The limit of the machine, in GFLOP/s.
    Limit { seconds: f64 },
    /// A stream on each core.
    Streams { batch: usize, seconds: f64 },
    /// All cores on one batch.
    Together { batch: usize, seconds: f64 },
    /// The embeddings of all images.
    Embed,
    /// From the bytes of `file` to the model's numbers, on one core.
    Preprocess { file: PathBuf, seconds: f64 },
}

fn say(answer: &impl Serialize) {
    println!("{}", serde_json::to_string(answer).expect("numbers and names"));
}

/// Answers turns until there are no more.
pub fn serve(ours: &Ours) {
    say(&serde_json::json!({ "ready": true, "isa": ours.isa.to_string() }));
    for line in stdin().lock().lines() {
        let line = line.expect("standard input can be read");
        let turn = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
        match turn {
            Turn::Limit { seconds } => {
                say(&serde_json::json!({ "gflops": limit::gflops(ours.threads, seconds) }));
            }
            Turn::Streams { batch, seconds } => say(&ours.streams(batch, seconds)),
            Turn::Together { batch, seconds } => say(&ours.crew(batch, seconds)),
            Turn::Embed => say(&serde_json::json!({ "embeddings": ours.embeddings() })),
            Turn::Preprocess { file, seconds } => {
                let photo = fs::read(&file).unwrap_or_else(|error| {
                    panic!("{}: {error}", file.display());
                });
                let rate: Rate = ours.preprocess(&photo, seconds);
                say(&rate);
            }
        }
    }
}
