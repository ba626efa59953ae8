//! Which request is sent when. A closed loop waits for answers and so slows down with the service;
//! an open loop does not, and its latencies count from when a request was due, so that a service
//! that stands still is seen as its clients would see it (coordinated omission is corrected).

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{
    Request, Uri,
    header::{self, HeaderValue},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    client::{Answer, Client, Failure},
    options::{Length, Load},
    payload::Payloads,
    tally::{Tally, Timing},
};

/// How long a client of a closed loop waits after a failure, lest it fill the report with one.
const PAUSE: Duration = Duration::from_millis(100);

/// Everything that one run sends, and what became of it.
#[derive(Debug)]
pub struct Run {
    /// The connections.
    pub client: Client,
    /// The photos.
    pub payloads: Payloads,
    /// Path on the service.
    pub uri: Uri,
    /// `Host`.
    pub host: HeaderValue,
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `Authorization`, where there is a key.
    pub authorization: Option<HeaderValue>,
    /// What was measured so far.
    pub tally: Mutex<Tally>,
    /// When sending begins.
    pub first: Instant,
    /// When measuring begins.
    pub begin: Instant,
    /// When sending ends.
    pub length: Length,
    /// Requests of the run, for the turn of the photos.
    pub number: AtomicU64,
    /// Requests that are to be measured, claimed so far.
    pub claimed: AtomicU64,
}

impl Run {
    /// The counts, which a panic elsewhere leaves whole.
    pub fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the whole load and returns when the last request has been answered or given up.
    pub async fn send(self: Arc<Self>, load: Load) {
        sleep_until(self.first).await;
        match load {
            Load::Closed(clients) => self.closed(clients).await,
            Load::Open(rate) => self.open(rate).await,
        }
    }

    async fn closed(self: Arc<Self>, clients: usize) {
        let mut running = JoinSet::new();
        for _ in 0..clients {
            let run = Arc::clone(&self);
            running.spawn(async move {
                while run.claim(Instant::now()) {
                    if run.request(Instant::now()).await.is_err() {
                        sleep(PAUSE).await;
                    }
                }
            });
        }
        running.join_all().await;
    }

    async fn open(self: Arc<Self>, rate: f64) {
        let mut running = JoinSet::new();
        for number in 0_u64.. {
            let due = self.first + Duration::from_secs_f64(number as f64 / rate);
            if !self.claim(due) {
                break;
            }
            sleep_until(due).await;
            let run = Arc::clone(&self);
            running.spawn(async move { drop(run.request(due).await) });
            while running.try_join_next().is_some() {}
        }
        if let Length::Time(time) = self.length {
            sleep_until(self.begin + time).await;
        }
        running.join_all().await;
    }

    /// Whether a request that is due then belongs to the run.
    fn claim(&self, due: Instant) -> bool {
        match self.length {
            Length::Time(time) => due < self.begin + time,
            Length::Requests(_) if due < self.begin => true,
            Length::Requests(most) => self.claimed.fetch_add(1, Relaxed) < most,
        }
    }

    async fn request(&self, due: Instant) -> Result<Answer, Failure> {
        self.tally().begin(due);
        let mut request = Request::new(self.payloads.body(self.number.fetch_add(1, Relaxed)));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        headers.extend(self.authorization.iter().map(|key| (header::AUTHORIZATION, key.clone())));
        let timing = Timing { due, sent: Instant::now() };
        let result = self.client.send(request).await;
        self.tally().end(timing, &result);
        result
    }
}
