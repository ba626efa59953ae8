//! Every metric that there is: its name, its type with its buckets, and its help text.
//!
//! `docs/metrics.md` says of each what to do when it moves, and a test holds that list against
//! `/metrics`. The metrics of the process are `metrics-process`'s own.

use metrics::{describe_counter, describe_gauge, describe_histogram};

pub(super) const REQUESTS: &str = "http_requests_total";
pub(super) const ABANDONED: &str = "http_requests_abandoned_total";
pub(super) const REQUEST_SECONDS: &str = "http_request_duration_seconds";
pub(super) const IN_FLIGHT: &str = "http_requests_in_flight";
pub(super) const IMAGES: &str = "inference_images_total";
pub(super) const TEXTS: &str = "inference_texts_total";
pub(super) const STAGE_SECONDS: &str = "inference_stage_duration_seconds";
pub(super) const BATCH_SIZE: &str = "inference_batch_size";
pub(super) const QUEUE_DEPTH: &str = "inference_queue_depth";
pub(super) const QUEUE_AGE: &str = "inference_queue_age_seconds";
pub(super) const RESERVED: &str = "inference_memory_reserved_bytes";
pub(super) const RESERVABLE: &str = "inference_memory_limit_bytes";
pub(super) const REFUSALS: &str = "inference_refusals_total";
pub(super) const PANICS: &str = "panics_total";
pub(super) const MODEL: &str = "inference_model_info";
pub(super) const BUILD: &str = "inference_build_info";
// Triton's names, for those who scrape them: they break the rules that all others here follow.
pub(super) const NV_SUCCESSES: &str = "nv_inference_request_success";
pub(super) const NV_FAILURES: &str = "nv_inference_request_failure";
pub(super) const NV_INFERENCES: &str = "nv_inference_count";
pub(super) const NV_EXECUTIONS: &str = "nv_inference_exec_count";
pub(super) const NV_REQUEST_TIME: &str = "nv_inference_request_duration_us";
pub(super) const NV_QUEUE_TIME: &str = "nv_inference_queue_duration_us";
pub(super) const NV_INPUT_TIME: &str = "nv_inference_compute_input_duration_us";
pub(super) const NV_INFER_TIME: &str = "nv_inference_compute_infer_duration_us";
pub(super) const NV_OUTPUT_TIME: &str = "nv_inference_compute_output_duration_us";

/// From a refusal without work (1 ms) to the longest that the app waits (300 s).
const SECONDS: [f64; 17] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    120.0, 300.0,
];

/// Powers of two up to twice the default of the largest batch.
const IMAGES_A_BATCH: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// What a metric is. Summaries are not among it: they cannot be added up over processes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Only grows.
    Counter,
    /// A state.
    Gauge,
    /// Counts by these upper bounds.
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    help: &'static str,
}

/// All that the service counts itself.
pub(super) const FAMILIES: [Family; 25] = [
    Family {
        name: REQUESTS,
        kind: Kind::Counter,
        help: "Requests answered, by method, route and status.",
    },
    Family {
        name: ABANDONED,
        kind: Kind::Counter,
        help: "Requests whose client left before the answer, by method and route.",
    },
    Family {
        name: REQUEST_SECONDS,
        kind: Kind::Histogram(&SECONDS),
        help: "Time from a request's head to its answer's, by method and route.",
    },
    Family { name: IN_FLIGHT, kind: Kind::Gauge, help: "Requests being answered." },
    Family {
        name: IMAGES,
        kind: Kind::Counter,
        help: "Images that are done with, by outcome: embedded, or why not.",
    },
    Family {
        name: TEXTS,
        kind: Kind::Counter,
        help: "Texts that are done with, by outcome: embedded, or why not.",
    },
    Family {
        name: STAGE_SECONDS,
        kind: Kind::Histogram(&SECONDS),
        help: "Time in a stage: read, parse, fetch, decode, resize, queue, forward or write.",
    },
    Family {
        name: BATCH_SIZE,
        kind: Kind::Histogram(&IMAGES_A_BATCH),
        help: "Images and texts in one forward pass.",
    },
    Family {
        name: QUEUE_DEPTH,
        kind: Kind::Gauge,
        help: "Images and texts that wait for the model.",
    },
    Family {
        name: QUEUE_AGE,
        kind: Kind::Gauge,
        help: "How long the oldest image or text has waited for the model.",
    },
    Family {
        name: RESERVED,
        kind: Kind::Gauge,
        help: "Memory reserved for bodies and for decoding, by pool.",
    },
    Family { name: RESERVABLE, kind: Kind::Gauge, help: "Most that may be reserved, by pool." },
    Family {
        name: REFUSALS,
        kind: Kind::Counter,
        help: "Requests refused without being computed, by reason.",
    },
    Family { name: PANICS, kind: Kind::Counter, help: "Panics, by where they happened." },
    Family { name: MODEL, kind: Kind::Gauge, help: "The model that is served; always 1." },
    Family { name: BUILD, kind: Kind::Gauge, help: "What was built and runs; always 1." },
    Family {
        name: NV_SUCCESSES,
        kind: Kind::Counter,
        help: "Requests of the Open Inference Protocol that were answered.",
    },
    Family {
        name: NV_FAILURES,
        kind: Kind::Counter,
        help: "Requests of the Open Inference Protocol that failed.",
    },
    Family {
        name: NV_INFERENCES,
        kind: Kind::Counter,
        help: "Images and texts that they had embedded.",
    },
    Family {
        name: NV_EXECUTIONS,
        kind: Kind::Counter,
        help: "The same as nv_inference_request_success.",
    },
    Family {
        name: NV_REQUEST_TIME,
        kind: Kind::Counter,
        help: "Time of the answered requests, in microseconds.",
    },
    Family { name: NV_QUEUE_TIME, kind: Kind::Counter, help: "Of it, waiting, in microseconds." },
    Family {
        name: NV_INPUT_TIME,
        kind: Kind::Counter,
        help: "Of it, preparing what came, in microseconds.",
    },
    Family {
        name: NV_INFER_TIME,
        kind: Kind::Counter,
        help: "Of it, in the model, in microseconds.",
    },
    Family {
        name: NV_OUTPUT_TIME,
        kind: Kind::Counter,
        help: "Of it, writing answers, in microseconds.",
    },
];

impl Family {
    /// Tells the recorder its type and help text.
    pub(super) fn describe(&self) {
        match self.kind {
            Kind::Counter => describe_counter!(self.name, self.help),
            Kind::Gauge => describe_gauge!(self.name, self.help),
            Kind::Histogram(_) => describe_histogram!(self.name, self.help),
        }
    }
}
