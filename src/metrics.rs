//! What `/metrics` tells, in Prometheus' text format: requests, images, stages, batches, the queue,
//! memory, refusals, panics, the model and the process. Histograms have fixed buckets, so that they
//! can be added up over pods, and every series is there at zero from the start.

mod family;
mod labels;
mod memory;
mod process;
mod queue;
mod refusals;
mod triton;

use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use self::family::{FAMILIES, Kind};
pub use self::{
    labels::{Place, Pool, REFUSALS, Stage, TRITON_MODELS, TRITON_VERSION},
    memory::{release, reservable, reserve, unreservable},
    queue::queue,
    refusals::{refusals, refused},
    triton::{InferenceTimes, Inferred, Run, inferred},
};

/// How often histograms are folded, which keeps their memory bounded.
pub const UPKEEP: Duration = Duration::from_secs(5);

/// Starts collecting for the whole process and gives the handle that [`render`] takes.
///
/// # Errors
/// When something collects already.
pub fn start() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for family in FAMILIES {
        if let Kind::Histogram(buckets) = family.kind {
            let name = Matcher::Full(family.name.to_owned());
            builder = builder.set_buckets_for_metric(name, buckets)?;
        }
    }
    let handle = builder.install_recorder()?;
    for family in FAMILIES {
        family.describe();
    }
    process::describe();
    register();
    Ok(handle)
}

/// Makes every series that can be foreseen, at zero: what appears only with its first event has no
/// rate, and an alert on it comes late.
fn register() {
    for route in labels::EMBEDDING {
        for status in labels::EMBEDDING_STATUSES {
            requests("POST", route, status).absolute(0);
        }
        counter!(family::ABANDONED, "method" => "POST", "route" => route).absolute(0);
        let _ = histogram!(family::REQUEST_SECONDS, "method" => "POST", "route" => route);
    }
    let by_get = labels::INFORMING.iter().chain(&labels::INFORMING_OIP).map(|told| ("GET", told));
    let by_post = labels::INFORMING_BY_POST.iter().map(|told| ("POST", told));
    for (method, &(route, statuses)) in by_get.chain(by_post) {
        for &status in statuses {
            requests(method, route, status).absolute(0);
        }
        let _ = histogram!(family::REQUEST_SECONDS, "method" => method, "route" => route);
    }
    gauge!(family::IN_FLIGHT).set(0);
    for outcome in labels::OUTCOMES {
        counter!(family::IMAGES, "outcome" => outcome).absolute(0);
    }
    for outcome in labels::TEXT_OUTCOMES {
        counter!(family::TEXTS, "outcome" => outcome).absolute(0);
    }
    for stage in Stage::ALL {
        let _ = histogram!(family::STAGE_SECONDS, "stage" => stage.label());
    }
    let _ = histogram!(family::BATCH_SIZE);
    queue(0, Duration::ZERO);
    for place in Place::ALL {
        counter!(family::PANICS, "place" => place.label()).absolute(0);
    }
    let build = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("profile", if cfg!(debug_assertions) { "debug" } else { "release" }),
        ("features", features()),
    ];
    gauge!(family::BUILD, &build).set(1);
}

/// The cargo features that were built in.
const fn features() -> &'static str {
    match (cfg!(feature = "cuda"), cfg!(feature = "libjpeg-turbo")) {
        (true, true) => "cuda,libjpeg-turbo",
        (true, false) => "cuda",
        (false, true) => "libjpeg-turbo",
        (false, false) => "none",
    }
}

/// Everything as it is now, in Prometheus' text format. Reads a few files of `/proc` and waits for
/// nothing.
pub fn render(handle: &PrometheusHandle) -> String {
    process::collect();
    memory::publish();
    queue::publish();
    refusals::publish();
    triton::publish();
    handle.render()
}

/// Counts a request while it lives; [`Self::answered`] says how it ended, and where nobody says it,
/// its client left.
#[derive(Debug)]
pub struct Request<'a> {
    start: Instant,
    method: &'static str,
    route: &'a str,
    answered: bool,
}

impl<'a> Request<'a> {
    /// A request begins. `method` is one of a fixed list; `route` is the route's template, never the
    /// path.
    pub fn begin(method: &'static str, route: &'a str) -> Self {
        gauge!(family::IN_FLIGHT).increment(1);
        Self { start: Instant::now(), method, route, answered: false }
    }

    /// It is answered with `status`.
    pub fn answered(mut self, status: u16) {
        self.answered = true;
        requests(self.method, self.route, status).increment(1);
        let labels = [("method", self.method.to_owned()), ("route", self.route.to_owned())];
        histogram!(family::REQUEST_SECONDS, &labels).record(self.start.elapsed());
    }

    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        gauge!(family::IN_FLIGHT).decrement(1);
        if !self.answered {
            let labels = [("method", self.method.to_owned()), ("route", self.route.to_owned())];
            counter!(family::ABANDONED, &labels).increment(1);
        }
    }
}

fn requests(method: &'static str, route: &str, status: u16) -> metrics::Counter {
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    counter!(family::REQUESTS, &labels)
}

/// So many images are done with: `embedded`, `expired` (past their deadline before they were
/// computed), `abandoned` (their client left), or the code of their error.
pub fn images(outcome: &'static str, images: usize) {
    counter!(family::IMAGES, "outcome" => outcome).increment(images as u64);
}

/// So many texts are done with; outcomes as with [`images`].
pub fn texts(outcome: &'static str, texts: usize) {
    counter!(family::TEXTS, "outcome" => outcome).increment(texts as u64);
}

/// A stage took this long.
pub fn stage(stage: Stage, took: Duration) {
    histogram!(family::STAGE_SECONDS, "stage" => stage.label()).record(took);
}

/// A forward pass begins over `items` images and texts.
pub fn batch(items: usize) {
    histogram!(family::BATCH_SIZE).record(items as f64);
}

/// A panic was caught at `place`. [`crate::panics::catch`] calls it.
pub fn panicked(place: Place) {
    counter!(family::PANICS, "place" => place.label()).increment(1);
}

/// The model is loaded; `labels` say which one.
pub fn model(labels: &[(&'static str, String)]) {
    gauge!(family::MODEL, labels).set(1);
}
