//! What was inferred by the Open Inference Protocol, model by model, under the names that Triton gives
//! these counters. `/v2/models/stats` and gRPC's `ModelStatistics` tell the same numbers.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use metrics::counter;

use super::{
    family,
    labels::{TRITON_MODELS, TRITON_VERSION},
};

static COUNTS: [Counts; TRITON_MODELS.len()] = [const { Counts::new() }; TRITON_MODELS.len()];

/// Of one model; times in nanoseconds.
#[derive(Debug)]
struct Counts {
    successes: AtomicU64,
    success: AtomicU64,
    failures: AtomicU64,
    failure: AtomicU64,
    inferences: AtomicU64,
    queue: AtomicU64,
    input: AtomicU64,
    infer: AtomicU64,
    output: AtomicU64,
    /// Milliseconds of Unix time.
    last: AtomicU64,
}

impl Counts {
    const fn new() -> Self {
        Self {
            successes: AtomicU64::new(0),
            success: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            failure: AtomicU64::new(0),
            inferences: AtomicU64::new(0),
            queue: AtomicU64::new(0),
            input: AtomicU64::new(0),
            infer: AtomicU64::new(0),
            output: AtomicU64::new(0),
            last: AtomicU64::new(0),
        }
    }
}

/// What was inferred with one model so far; times are sums over all requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inferred {
    /// Requests that were answered.
    pub successes: u64,
    /// How long they took.
    pub success: Duration,
    /// Requests that failed.
    pub failures: u64,
    /// How long they took.
    pub failure: Duration,
    /// Images or texts that were embedded.
    pub inferences: u64,
    /// Where the time of the answered ones went.
    pub times: InferenceTimes,
    /// When the last request came to its end, in milliseconds of Unix time; 0 before the first.
    pub last: u64,
}

/// Where the time of a request went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InferenceTimes {
    /// Waiting for memory, a place and the model.
    pub queue: Duration,
    /// Making what the model reads of what came.
    pub input: Duration,
    /// In the model.
    pub infer: Duration,
    /// Writing the answer.
    pub output: Duration,
}

/// What was inferred with the model at `slot` of [`TRITON_MODELS`].
pub fn inferred(slot: usize) -> Inferred {
    let counts = &COUNTS[slot];
    let time = |nanoseconds: &AtomicU64| Duration::from_nanos(nanoseconds.load(Relaxed));
    Inferred {
        successes: counts.successes.load(Relaxed),
        success: time(&counts.success),
        failures: counts.failures.load(Relaxed),
        failure: time(&counts.failure),
        inferences: counts.inferences.load(Relaxed),
        times: InferenceTimes {
            queue: time(&counts.queue),
            input: time(&counts.input),
            infer: time(&counts.infer),
            output: time(&counts.output),
        },
        last: counts.last.load(Relaxed),
    }
}

/// One request to a model; it has failed unless it is said to have succeeded.
#[derive(Debug)]
pub struct Run {
    slot: usize,
    start: Instant,
    succeeded: bool,
}

impl Run {
    /// A request that came at `start`, to the model at `slot` of [`TRITON_MODELS`].
    pub fn begin(slot: usize, start: Instant) -> Self {
        Self { slot, start, succeeded: false }
    }

    /// So many images or texts were embedded, and the answer is written.
    pub fn succeeded(mut self, inferences: usize, times: InferenceTimes) {
        self.succeeded = true;
        let counts = &COUNTS[self.slot];
        add(&counts.queue, times.queue);
        add(&counts.input, times.input);
        add(&counts.infer, times.infer);
        add(&counts.output, times.output);
        add(&counts.success, self.start.elapsed());
        counts.inferences.fetch_add(inferences as u64, Relaxed);
        counts.successes.fetch_add(1, Relaxed);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let counts = &COUNTS[self.slot];
        if !self.succeeded {
            add(&counts.failure, self.start.elapsed());
            counts.failures.fetch_add(1, Relaxed);
        }
        // A clock before 1970 tells nothing.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        counts.last.store(u64::try_from(now.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }
}

fn add(sum: &AtomicU64, time: Duration) {
    // More than five centuries do not fit.
    sum.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Relaxed);
}

/// Hands the counts to the recorder.
pub(super) fn publish() {
    for (slot, model) in TRITON_MODELS.into_iter().enumerate() {
        let Inferred { successes, success, failures, inferences, times, .. } = inferred(slot);
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        for (name, value) in [
            (family::NV_SUCCESSES, successes),
            (family::NV_FAILURES, failures),
            (family::NV_INFERENCES, inferences),
            (family::NV_EXECUTIONS, successes),
            (family::NV_REQUEST_TIME, microseconds(success)),
            (family::NV_QUEUE_TIME, microseconds(times.queue)),
            (family::NV_INPUT_TIME, microseconds(times.input)),
            (family::NV_INFER_TIME, microseconds(times.infer)),
            (family::NV_OUTPUT_TIME, microseconds(times.output)),
        ] {
            counter!(name, "model" => model, "version" => TRITON_VERSION).absolute(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_succeeds_once_or_fails() {
        // The last model, which no other test of this process uses.
        let slot = TRITON_MODELS.len() - 1;
        let second = Duration::from_secs(1);
        let before = inferred(slot);
        let times =
            InferenceTimes { queue: second, input: 2 * second, infer: 3 * second, output: second };
        Run::begin(slot, Instant::now()).succeeded(7, times);
        drop(Run::begin(slot, Instant::now()));
        let after = inferred(slot);
        assert_eq!((after.successes, after.failures), (before.successes + 1, before.failures + 1));
        assert_eq!(after.inferences, before.inferences + 7);
        assert_eq!(after.times.infer, before.times.infer + 3 * second);
        assert!(after.last > 1_700_000_000_000, "{}", after.last);
    }
}
