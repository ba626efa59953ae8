//! What `/metrics` tells, in Prometheus' text format: requests, images, stages, batches, the model
//! and the process. Histograms have fixed buckets, so that they can be added up over pods.

use std::time::{Duration, Instant};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const REQUESTS: &str = "http_requests_total";
const REQUEST_SECONDS: &str = "http_request_duration_seconds";
const IN_FLIGHT: &str = "http_requests_in_flight";
const IMAGES: &str = "inference_images_total";
const STAGE_SECONDS: &str = "inference_stage_duration_seconds";
const BATCH_SIZE: &str = "inference_batch_size";
const MODEL: &str = "inference_model_info";
const BUILD: &str = "inference_build_info";

/// From a refusal without work (1 ms) to the longest that the app waits (300 s).
const SECONDS: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0,
];

/// Powers of two up to the largest batch.
const IMAGES_A_BATCH: [f64; 6] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// How often histograms are folded, which keeps their memory bounded.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Starts collecting for the whole process and gives the handle that renders.
///
/// # Errors
/// When something collects already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full(STAGE_SECONDS.to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full(BATCH_SIZE.to_owned()), &IMAGES_A_BATCH)?
        .install_recorder()?;
    describe_counter!(REQUESTS, "Requests answered, by method, route and status.");
    describe_histogram!(REQUEST_SECONDS, "Time from a request's head to its answer's, in seconds.");
    describe_gauge!(IN_FLIGHT, "Requests being answered.");
    describe_counter!(IMAGES, "Images taken in, by outcome: decoded, or the code of the error.");
    describe_histogram!(STAGE_SECONDS, "Time in a stage (preprocess, queue, forward), in seconds.");
    describe_histogram!(BATCH_SIZE, "Images in one forward pass.");
    describe_gauge!(MODEL, "The model that is served; always 1.");
    describe_gauge!(BUILD, "The version that runs; always 1.");
    gauge!(IN_FLIGHT).set(0);
    counter!(IMAGES, "outcome" => "decoded").absolute(0);
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1);
    Ok(handle)
}

/// Counts a request while it lives; [`Self::answered`] says how it ended.
#[derive(Debug)]
pub struct Request {
    start: Instant,
}

impl Request {
    /// A request begins.
    pub fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1);
        Self { start: Instant::now() }
    }

    /// It ended with `status`; `route` is the route's template, never the path.
    pub fn answered(self, method: &'static str, route: &str, status: u16) {
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        counter!(REQUESTS, &labels).increment(1);
        histogram!(REQUEST_SECONDS, &labels[..2]).record(self.start.elapsed());
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1);
    }
}

/// An image was taken in, with this outcome.
pub fn image(outcome: &'static str) {
    counter!(IMAGES, "outcome" => outcome).increment(1);
}

/// A stage ended that began at `start`.
pub fn stage(stage: &'static str, start: Instant) {
    histogram!(STAGE_SECONDS, "stage" => stage).record(start.elapsed());
}

/// A forward pass begins over `images` images.
pub fn batch(images: usize) {
    histogram!(BATCH_SIZE).record(images as f64);
}

/// The model is loaded; `labels` say which one.
pub fn model(labels: &[(&'static str, String)]) {
    gauge!(MODEL, labels).set(1);
}
