//! What was measured: counts and latencies of the requests that were due after the warm-up.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::client::{Answer, Failure, Kind};

/// The times of one request.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// When it was due: by the schedule of an open loop; in a closed loop when it was sent.
    pub due: Instant,
    /// When it was sent.
    pub sent: Instant,
}

/// Counts and latencies so far.
#[derive(Debug)]
pub struct Tally {
    /// When measuring begins; what was due before is not counted.
    begin: Instant,
    /// When measuring ends, if a time was asked for.
    end: Option<Instant>,
    /// Requests begun.
    pub begun: u64,
    /// Requests that found no connection.
    pub not_sent: u64,
    /// Answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by what became of them, each with the text of the first.
    pub failures: BTreeMap<Kind, (u64, String)>,
    /// Answers 429 that do not say when to come again.
    pub without_retry_after: u64,
    /// Of answers with status 200.
    pub ok: Latencies,
    /// Of answers with status 429 or 503.
    pub refused: Latencies,
    /// Of all other answers.
    pub other: Latencies,
    /// How much later than due requests were sent: the load program's own delay.
    pub delay: Times,
    /// Answers 200 that came while measuring, whenever their request was sent.
    pub good: u64,
    /// When the last answer came.
    last: Option<Instant>,
}

/// Latencies of one kind of answer.
#[derive(Debug)]
pub struct Latencies {
    /// From when a request was due to the last byte of its answer.
    pub latency: Times,
    /// From when it was sent.
    pub service: Times,
}

impl Tally {
    /// Measures from `begin` until `end`.
    pub fn new(begin: Instant, end: Option<Instant>) -> Self {
        let latencies = || Latencies { latency: Times::new(), service: Times::new() };
        Self {
            begin,
            end,
            begun: 0,
            not_sent: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            without_retry_after: 0,
            ok: latencies(),
            refused: latencies(),
            other: latencies(),
            delay: Times::new(),
            good: 0,
            last: None,
        }
    }

    /// A request is due.
    pub fn begin(&mut self, due: Instant) {
        self.begun += u64::from(due >= self.begin);
    }

    /// A request has been answered or given up.
    pub fn end(&mut self, timing: Timing, result: &Result<Answer, Failure>) {
        if let Ok(answer) = result
            && answer.status == 200
            && answer.finished >= self.begin
            && self.end.is_none_or(|end| answer.finished <= end)
        {
            self.good += 1;
        }
        if timing.due < self.begin {
            return;
        }
        self.delay.record(timing.sent - timing.due);
        match result {
            Ok(answer) => self.answered(timing, answer),
            Err(Failure::NotSent) => self.not_sent += 1,
            Err(Failure::Transport(kind, text)) => {
                self.failures.entry(*kind).or_insert_with(|| (0, text.clone())).0 += 1;
            }
        }
    }

    fn answered(&mut self, timing: Timing, answer: &Answer) {
        *self.statuses.entry(answer.status).or_default() += 1;
        self.without_retry_after += u64::from(answer.status == 429 && !answer.retry_after);
        self.last = self.last.max(Some(answer.finished));
        let latencies = match answer.status {
            200 => &mut self.ok,
            429 | 503 => &mut self.refused,
            _ => &mut self.other,
        };
        latencies.latency.record(answer.finished - timing.due);
        latencies.service.record(answer.finished - timing.sent);
    }

    /// Answers so far.
    pub fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// Requests so far that failed without an answer.
    pub fn failed(&self) -> u64 {
        self.failures.values().map(|(count, _)| count).sum()
    }

    /// Requests that were begun and have neither an answer nor failed.
    pub fn unfinished(&self) -> u64 {
        self.begun - self.answers() - self.failed() - self.not_sent
    }

    /// How long was measured, at the time `now` after the run: for a number of requests, until the
    /// last answer.
    pub fn measured(&self, now: Instant) -> Duration {
        let end = self.end.map(|end| end.min(now)).or(self.last).unwrap_or(now);
        end.saturating_duration_since(self.begin)
    }
}

/// A histogram of times, exact to 0.1 %, from a microsecond to an hour.
#[derive(Debug)]
pub struct Times(Histogram<u64>);

/// An hour, in microseconds; what takes longer counts as that.
const LONGEST: u64 = 3_600_000_000;

impl Times {
    /// No times yet.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).expect("these bounds are in order"))
    }

    /// Adds one.
    pub fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST));
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time, in milliseconds, that so many percent do not exceed; `None` without any.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_percentile(percent) as f64 / 1e3)
    }

    /// The mean, in milliseconds.
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.mean().round() / 1e3)
    }

    /// The longest, in milliseconds.
    pub fn longest(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.max() as f64 / 1e3)
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::new()
    }
}
