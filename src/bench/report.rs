//! What a run found: one document for machines (`--json`), whose fields are documented in
//! `docs/load-testing.md` and only ever added to, and a table of the same for people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::Serialize;

use super::{
    client::Kind,
    options::{Load, Options},
    probes::Probed,
    schedule::Run,
    tally::{Latencies, Tally, Times},
};

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was sent.
    pub sent: Sent,
    /// How it was scheduled.
    pub load: LoadReport,
    /// How long was measured.
    pub measured_seconds: f64,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
    /// How many requests there were.
    pub requests: Requests,
    /// Answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by what became of them.
    pub transport_errors: BTreeMap<&'static str, u64>,
    /// The text of the first of each kind.
    pub transport_error_examples: BTreeMap<&'static str, String>,
    /// Answers 429 that do not say when to come again.
    pub refused_without_retry_after: u64,
    /// Work done.
    pub goodput: Goodput,
    /// From when a request was due to the last byte of its answer.
    pub latency_ms: ByAnswer,
    /// From when it was sent.
    pub service_time_ms: ByAnswer,
    /// How much later than due requests were sent: the load program's own delay, which
    /// `latency_ms` contains.
    pub send_delay_ms: Quantiles,
    /// The client's connections.
    pub connections: Connections,
    /// What was polled meanwhile.
    pub probes: Vec<ProbeReport>,
    /// Why the run has failed, if it has.
    pub faults: Vec<String>,
    /// Whether everything went as expected.
    pub passed: bool,
}

/// What was sent, and where.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// The service.
    pub url: String,
    /// The path.
    pub route: &'static str,
    /// Photos in a request.
    pub images_per_request: usize,
    /// Different photos.
    pub photos: usize,
    /// Mean size of a photo's file.
    pub photo_bytes: usize,
}

/// How requests were scheduled: one of the two is there.
#[derive(Debug, Serialize)]
pub struct LoadReport {
    /// Clients of a closed loop.
    pub clients: Option<usize>,
    /// Requests a second of an open loop.
    pub rate: Option<f64>,
}

/// Counts of requests; what was due in the warm-up is not in them.
#[derive(Debug, Serialize)]
pub struct Requests {
    /// Due: all of the following together.
    pub due: u64,
    /// Answered, with any status.
    pub answered: u64,
    /// Failed without an answer.
    pub failed: u64,
    /// Not sent, since all connections were taken.
    pub not_sent: u64,
    /// Still running when Ctrl-C ended the run.
    pub unfinished: u64,
    /// Sent a second.
    pub sent_per_second: Option<f64>,
}

/// Work done while measuring.
#[derive(Debug, Serialize)]
pub struct Goodput {
    /// Answers 200 a second.
    pub requests_per_second: Option<f64>,
    /// Photos in them.
    pub images_per_second: Option<f64>,
}

/// Times apart for those who were served and those who were not.
#[derive(Debug, Serialize)]
pub struct ByAnswer {
    /// Status 200.
    pub ok: Quantiles,
    /// Status 429 or 503.
    pub refused: Quantiles,
    /// Any other.
    pub other: Quantiles,
}

/// A distribution of times, in milliseconds; `null` where there is none.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "each is what it is called")]
pub struct Quantiles {
    pub count: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
}

/// The client's connections.
#[derive(Debug, Serialize)]
pub struct Connections {
    /// Opened, with those of the warm-up.
    pub opened: u64,
    /// Requests that found their idle connection closed and went out again on a new one.
    pub reconnects: u64,
    /// Most at a time that were allowed.
    pub limit: usize,
}

/// What the polls of one path met.
#[derive(Debug, Serialize)]
pub struct ProbeReport {
    /// The service or its admin port.
    pub url: String,
    /// The path.
    pub path: String,
    /// Polls.
    pub polls: u64,
    /// Those that were not answered with 200 in time.
    pub failures: u64,
    /// Answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Polls without an answer.
    pub transport_errors: BTreeMap<&'static str, u64>,
    /// From when a poll was due to its end.
    pub latency_ms: Quantiles,
}

impl Report {
    /// Puts together what was measured; `measured` is how long.
    pub fn new(
        options: &Options,
        run: &Run,
        probed: &[Probed],
        measured: Duration,
        interrupted: bool,
    ) -> Self {
        let tally = run.tally();
        let seconds = measured.as_secs_f64();
        let a_second = |count: u64| (seconds > 0.0).then(|| round(count as f64 / seconds));
        let faults = faults(&tally, probed, &options.expect);
        Self {
            sent: Sent {
                url: options.target.to_string(),
                route: options.route.path(),
                images_per_request: options.images,
                photos: run.payloads.photos(),
                photo_bytes: run.payloads.photo_bytes(),
            },
            load: match options.load {
                Load::Closed(clients) => LoadReport { clients: Some(clients), rate: None },
                Load::Open(rate) => LoadReport { clients: None, rate: Some(rate) },
            },
            measured_seconds: round(seconds),
            interrupted,
            requests: Requests {
                due: tally.begun,
                answered: tally.answers(),
                failed: tally.failed(),
                not_sent: tally.not_sent,
                unfinished: tally.unfinished(),
                sent_per_second: a_second(tally.begun - tally.not_sent),
            },
            statuses: tally.statuses.clone(),
            transport_errors: counts(&tally.failures),
            transport_error_examples: tally
                .failures
                .iter()
                .map(|(kind, (_, text))| (kind.name(), text.clone()))
                .collect(),
            refused_without_retry_after: tally.without_retry_after,
            goodput: Goodput {
                requests_per_second: a_second(tally.good),
                images_per_second: a_second(tally.good * options.images as u64),
            },
            latency_ms: ByAnswer::of(&tally, |latencies| &latencies.latency),
            service_time_ms: ByAnswer::of(&tally, |latencies| &latencies.service),
            send_delay_ms: Quantiles::of(&tally.delay),
            connections: Connections {
                opened: run.client.opened(),
                reconnects: run.client.reconnects(),
                limit: run.client.most(),
            },
            probes: probed.iter().map(|probed| ProbeReport::of(options, probed)).collect(),
            passed: faults.is_empty(),
            faults,
        }
    }
}

impl ByAnswer {
    fn of(tally: &Tally, times: impl Fn(&Latencies) -> &Times) -> Self {
        let [ok, refused, other] = [&tally.ok, &tally.refused, &tally.other]
            .map(|latencies| Quantiles::of(times(latencies)));
        Self { ok, refused, other }
    }
}

impl Quantiles {
    fn of(times: &Times) -> Self {
        Self {
            count: times.count(),
            mean: times.mean(),
            p50: times.percentile(50.0),
            p90: times.percentile(90.0),
            p99: times.percentile(99.0),
            p999: times.percentile(99.9),
            max: times.longest(),
        }
    }
}

impl ProbeReport {
    fn of(options: &Options, probed: &Probed) -> Self {
        Self {
            url: options.probes.target.to_string(),
            path: probed.path.clone(),
            polls: probed.polls,
            failures: probed.failures,
            statuses: probed.statuses.clone(),
            transport_errors: counts(&probed.failed),
            latency_ms: Quantiles::of(&probed.times),
        }
    }
}

/// Every kind, also those that did not occur.
fn counts(failures: &BTreeMap<Kind, (u64, String)>) -> BTreeMap<&'static str, u64> {
    let count = |kind| failures.get(&kind).map_or(0, |(count, _)| *count);
    Kind::ALL.map(|kind| (kind.name(), count(kind))).into()
}

/// What was not as expected, a sentence each.
fn faults(tally: &Tally, probed: &[Probed], expect: &BTreeSet<u16>) -> Vec<String> {
    let mut faults = Vec::new();
    for (status, count) in tally.statuses.iter().filter(|(status, _)| !expect.contains(status)) {
        faults.push(format!("{count} answers with status {status}, which is not in --expect"));
    }
    for (kind, (count, text)) in &tally.failures {
        faults.push(format!("{count} requests without an answer ({}): {text}", kind.name()));
    }
    if tally.not_sent > 0 {
        let count = tally.not_sent;
        faults.push(format!("{count} requests not sent: all --max-connections were taken"));
    }
    if tally.without_retry_after > 0 {
        faults.push(format!("{} answers 429 without Retry-After", tally.without_retry_after));
    }
    if tally.answers() == 0 {
        faults.push("no request was answered".to_owned());
    }
    for probed in probed.iter().filter(|probed| probed.failures > 0) {
        let Probed { path, polls, failures, .. } = probed;
        faults.push(format!("{failures} of {polls} polls of {path} failed"));
    }
    faults
}

/// To a thousandth.
fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sent { url, route, images_per_request: images, photos, photo_bytes } = &self.sent;
        writeln!(
            f,
            "{url}{route}: {images} of {photos} photos a request, {photo_bytes} bytes each"
        )?;
        let load = match (self.load.clients, self.load.rate) {
            (Some(clients), _) => format!("closed loop, {clients} clients"),
            (None, rate) => format!("open loop, {} requests/s", rate.unwrap_or_default()),
        };
        let early = if self.interrupted { ", interrupted" } else { "" };
        writeln!(f, "{load}, measured for {:.1} s{early}\n", self.measured_seconds)?;
        self.write_counts(f)?;
        writeln!(f)?;
        self.write_times(f)?;
        writeln!(f)?;
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        write!(f, "{}", if self.passed { "passed" } else { "failed" })
    }
}

impl Report {
    fn write_counts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests { due, answered, not_sent, unfinished, .. } = self.requests;
        let a_second = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.2}"));
        let mut line = |name: &str, value: &str, note: &str| {
            writeln!(f, "{}", format!("{name:<24}{value:>10}  {note}").trim_end())
        };
        line("requests due", &due.to_string(), "")?;
        line("  sent a second", &a_second(self.requests.sent_per_second), "")?;
        line("  answered", &answered.to_string(), "")?;
        for (status, count) in &self.statuses {
            line(&format!("    {status}"), &count.to_string(), "")?;
        }
        for (kind, count) in self.transport_errors.iter().filter(|(_, count)| **count > 0) {
            line(&format!("  {kind}"), &count.to_string(), &self.transport_error_examples[kind])?;
        }
        for (name, count) in [("  not sent", not_sent), ("  unfinished", unfinished)] {
            if count > 0 {
                line(name, &count.to_string(), "")?;
            }
        }
        let Connections { opened, reconnects, .. } = self.connections;
        line("goodput, requests/s", &a_second(self.goodput.requests_per_second), "")?;
        line("goodput, images/s", &a_second(self.goodput.images_per_second), "")?;
        line("connections opened", &opened.to_string(), &format!("{reconnects} reconnects"))
    }

    fn write_times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, cells: [String; 7]| {
            write!(f, "{name:<24}")?;
            cells.iter().try_for_each(|cell| write!(f, "{cell:>10}"))?;
            writeln!(f)
        };
        let heads = ["count", "mean", "p50", "p90", "p99", "p99.9", "max"];
        row(f, "milliseconds", heads.map(str::to_owned))?;
        let times = |f: &mut fmt::Formatter<'_>, name: &str, times: &Quantiles| {
            let cell = |time: Option<f64>| time.map_or("-".to_owned(), |time| format!("{time:.1}"));
            let Quantiles { count, mean, p50, p90, p99, p999, max } = *times;
            let [mean, p50, p90, p99, p999, max] = [mean, p50, p90, p99, p999, max].map(cell);
            row(f, name, [count.to_string(), mean, p50, p90, p99, p999, max])
        };
        times(f, "200", &self.latency_ms.ok)?;
        if self.load.rate.is_some() {
            times(f, "200, from sending", &self.service_time_ms.ok)?;
            times(f, "sent late by", &self.send_delay_ms)?;
        }
        let ByAnswer { refused, other, .. } = &self.latency_ms;
        for (name, quantiles) in [("429 and 503", refused), ("other statuses", other)] {
            if quantiles.count > 0 {
                times(f, name, quantiles)?;
            }
        }
        for probe in &self.probes {
            let name = format!("{} ({} failed)", probe.path, probe.failures);
            times(f, &name, &probe.latency_ms)?;
        }
        Ok(())
    }
}
