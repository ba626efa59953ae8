//! Images a second of the forward pass on a CPU, beside the limit of the machine: f32 multiply-adds
//! on all cores, measured in the same rounds. A stream on each core, or all cores on one batch.
//!
//!     cargo bench --bench throughput                a table
//!     cargo bench --bench throughput -- --json      every measurement, as one document
//!     cargo bench --bench throughput -- --turns     a JSON line for each JSON line on standard input
//!
//! `--turns` is how `benches/peers` measures it in turns with others; [`turns`] says what is asked.

mod throughput {
    pub mod limit;
    pub mod options;
    pub mod ours;
    pub mod turns;
}

use serde::Serialize;
use throughput::{
    limit,
    options::Options,
    ours::{Ours, Rate},
    turns,
};

/// Work of an image: 4.37 G multiply-adds, the products of the layers of ViT-B-32's tower, in the
/// last block for all tokens, though ours computes the class token's alone. Attention's own
/// products, 1 % more, are not counted.
const GFLOP: f64 = 8.74;

/// How long the limit is measured each time.
const LIMIT_SECONDS: f64 = 0.3;

/// A round of one batch size.
#[derive(Serialize)]
struct Round {
    batch: usize,
    limit_gflops: f64,
    streams: Rate,
    crew: Rate,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document {
    threads: usize,
    precision: String,
    isa: String,
    gflop_per_image: f64,
    rounds: Vec<Round>,
}

fn main() {
    let options = Options::from_command_line();
    if !options.wanted {
        return;
    }
    let ours = Ours::new(&options);
    if options.turns {
        return turns::serve(&ours);
    }
    let mut rounds = Vec::new();
    for _ in 0..options.rounds {
        for &batch in &options.batches {
            let limit_gflops = limit::gflops(options.threads, LIMIT_SECONDS);
            let streams = ours.streams(batch, options.seconds);
            let crew = ours.crew(batch, options.seconds);
            rounds.push(Round { batch, limit_gflops, streams, crew });
        }
    }
    let (threads, precision) = (options.threads, options.precision.to_string());
    let isa = ours.isa.to_string();
    let document = Document { threads, precision, isa, gflop_per_image: GFLOP, rounds };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&document).expect("numbers and names"));
    } else {
        print(&document, &options.batches);
    }
}

fn print(document: &Document, batches: &[usize]) {
    let Document { threads, precision, isa, .. } = document;
    println!("{precision}, {isa}, {threads} threads: images/s, median (least to most)\n");
    println!(
        "{:>5} {:>22} {:>14} {:>22}",
        "batch", "a stream on each core", "of the limit", "one batch, all cores"
    );
    for &batch in batches {
        let rounds: Vec<_> = document.rounds.iter().filter(|round| round.batch == batch).collect();
        let of = |value: &dyn Fn(&Round) -> f64| spread(rounds.iter().map(|round| value(round)));
        let [low, streams, high] = of(&|round| round.streams.images_per_second);
        let streams = format!("{streams:.1} ({low:.1}-{high:.1})");
        let [low, crew, high] = of(&|round| round.crew.images_per_second);
        let crew = format!("{crew:.1} ({low:.1}-{high:.1})");
        let [_, share, _] =
            of(&|round| round.streams.images_per_second * GFLOP / round.limit_gflops);
        println!("{batch:>5} {streams:>22} {:>12.0} % {crew:>22}", share * 100.);
    }
}

/// Least, median and most.
fn spread(numbers: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    let (first, middle) = (numbers[0], numbers[numbers.len() / 2]);
    [first, middle, numbers[numbers.len() - 1]]
}
