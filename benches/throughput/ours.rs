//! Our forward pass: the seeded ViT-B-32 with GELU, as the service runs it.

use std::{
    fs,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use inference_service::{
    embedder::preprocess_for,
    kernels::{Isa, Kernels, crew::Crew},
    model::{
        Embedding, Model, ModelOptions, architecture::Activation, device::DeviceChoice, registry,
    },
    preprocess::{DecodeOptions, ExifOrientation, MAX_PIXELS, Preprocess},
};
use serde::Serialize;

use super::options::Options;

/// Numbers of an image.
const NUMBERS: usize = 3 * 224 * 224;

/// The model, and images for it.
pub struct Ours {
    pub isa: Isa,
    pub threads: usize,
    model: Model,
    preprocess: Preprocess,
    images: Vec<Vec<f32>>,
}

/// What a measurement found.
#[derive(Serialize)]
pub struct Rate {
    pub images_per_second: f64,
    /// Calls that were measured, and the milliseconds of one.
    pub calls: usize,
    pub call_ms: f64,
}

impl Rate {
    /// Of what each stream did for `batch` images a call, in seconds for each call. Streams begin
    /// together and end with the first call behind the end, so each has a rate of its own.
    fn of(streams: &[Vec<f64>], batch: usize) -> Self {
        let rate = |calls: &Vec<f64>| (calls.len() * batch) as f64 / calls.iter().sum::<f64>();
        let mut calls = streams.concat();
        calls.sort_by(f64::total_cmp);
        Self {
            images_per_second: streams.iter().map(rate).sum(),
            calls: calls.len(),
            call_ms: calls[calls.len() / 2] * 1e3,
        }
    }
}

impl Ours {
    /// Packs the weights and reads the images.
    pub fn new(options: &Options) -> Self {
        let spec = registry::resolve("ViT-B-32", "random").expect("it is in models/");
        let model_options = ModelOptions {
            device: DeviceChoice::Cpu,
            precision: options.precision,
            isa: options.isa,
            activation: Some(Activation::Gelu),
        };
        let model = Model::load(spec, &model_options).unwrap_or_else(|error| {
            eprintln!("{error}");
            std::process::exit(1);
        });
        let decode =
            DecodeOptions { max_pixels: MAX_PIXELS, exif_orientation: ExifOrientation::Ignore };
        let images = options.pixels.as_ref().map_or_else(made_up, |path| {
            let bytes = fs::read(path).expect("the file of --pixels can be read");
            let numbers = bytes
                .chunks_exact(4)
                .map(|four| f32::from_le_bytes(four.try_into().expect("four bytes")));
            let numbers: Vec<f32> = numbers.collect();
            numbers.chunks_exact(NUMBERS).map(<[f32]>::to_vec).collect()
        });
        assert!(!images.is_empty(), "--pixels holds at least an image");
        let kernels = options.isa.and_then(Kernels::of).unwrap_or_else(Kernels::best);
        Self {
            isa: kernels.isa(),
            threads: options.threads,
            preprocess: preprocess_for(model.architecture(), kernels, decode),
            model,
            images,
        }
    }

    fn batch(&self, size: usize) -> Vec<&[f32]> {
        self.images.iter().cycle().take(size).map(Vec::as_slice).collect()
    }

    /// A stream on each core, each with batches of its own.
    pub fn streams(&self, size: usize, seconds: f64) -> Rate {
        let batch = self.batch(size);
        let begin = Barrier::new(self.threads);
        let stream = || {
            let (mut worker, crew) = (self.model.worker().expect("memory for it"), Crew::new());
            calls(seconds, &begin, || {
                self.model.embed_on(&mut worker, &crew, &batch).expect("seeded weights embed");
            })
        };
        let streams: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(stream)).collect();
            threads.into_iter().map(|thread| thread.join().expect("as above")).collect()
        });
        Rate::of(&streams, size)
    }

    /// All cores on one batch after another.
    pub fn crew(&self, size: usize, seconds: f64) -> Rate {
        let batch = self.batch(size);
        let (mut worker, crew) = (self.model.worker().expect("memory for it"), Crew::new());
        let begin = Barrier::new(1);
        let calls = thread::scope(|scope| {
            for _ in 1..self.threads {
                scope.spawn(|| crew.help(|| false));
            }
            let calls = calls(seconds, &begin, || {
                self.model.embed_on(&mut worker, &crew, &batch).expect("seeded weights embed");
            });
            crew.close();
            calls
        });
        Rate::of(&[calls], size)
    }

    /// The embeddings of all images.
    pub fn embeddings(&self) -> Vec<Embedding> {
        let images = self.batch(self.images.len());
        self.model.embed(&images).expect("seeded weights embed")
    }

    /// From the bytes of a photo to the model's numbers, on one core.
    pub fn preprocess(&self, photo: &[u8], seconds: f64) -> Rate {
        let calls = calls(seconds, &Barrier::new(1), || {
            self.preprocess.pixels(photo).expect("it is a photo");
        });
        Rate::of(&[calls], 1)
    }
}

/// Seconds of each call of `run`, again and again until `seconds` are over, after one to warm up and
/// when all are there who `begin` together.
fn calls(seconds: f64, begin: &Barrier, mut run: impl FnMut()) -> Vec<f64> {
    run();
    begin.wait();
    let (start, time) = (Instant::now(), Duration::from_secs_f64(seconds));
    let mut calls = Vec::new();
    let mut last = start;
    loop {
        run();
        let now = Instant::now();
        calls.push((now - last).as_secs_f64());
        if now - start >= time {
            return calls;
        }
        last = now;
    }
}

/// Four images that differ.
fn made_up() -> Vec<Vec<f32>> {
    let image = |i: usize| (0..NUMBERS).map(|at| ((at * i) % 251) as f32 / 62.5 - 2.).collect();
    (1..=4).map(image).collect()
}
