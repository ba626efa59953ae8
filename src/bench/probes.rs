//! Polls beside the load, as an orchestrator's probes: each on a new connection, on schedule, on a
//! thread of their own, so that the load does not hold them up within this program.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use hyper::{Request, Uri, header};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    client::{Answer, Failure, Kind, send_once},
    link::Link,
    options::Probes,
    payload::Payload,
    tally::Times,
};

/// What the polls of one path met.
#[derive(Debug)]
pub struct Probed {
    /// The path.
    pub path: String,
    /// Polls that have ended.
    pub polls: u64,
    /// Those that were not answered with 200 in time.
    pub failures: u64,
    /// Answers by their status.
    pub statuses: BTreeMap<u16, u64>,
    /// Polls without an answer, each kind with the text of the first.
    pub failed: BTreeMap<Kind, (u64, String)>,
    /// From when a poll was due to its end; one without an answer counts as long as it waited.
    pub times: Times,
}

/// Polls that go on until they are ended.
#[derive(Debug)]
pub struct Running {
    stop: watch::Sender<bool>,
    thread: JoinHandle<Vec<Probed>>,
}

impl Running {
    /// Starts to poll at `begin`.
    ///
    /// # Errors
    /// When the system refuses a thread or a runtime.
    pub fn start(probes: Probes, link: Link, begin: Instant) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || runtime.block_on(poll_all(probes, link, begin, stopped)))?;
        Ok(Self { stop, thread })
    }

    /// Waits for the polls that run and returns what all have met, in the order of the paths.
    pub fn end(self) -> Vec<Probed> {
        self.stop.send_replace(true);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

async fn poll_all(
    probes: Probes,
    link: Link,
    begin: Instant,
    stopped: watch::Receiver<bool>,
) -> Vec<Probed> {
    let probes = Arc::new(probes);
    let mut paths = JoinSet::new();
    for index in 0..probes.paths.len() {
        let (probes, link, stopped) = (Arc::clone(&probes), link.clone(), stopped.clone());
        paths.spawn(async move { (index, poll(&probes, index, link, begin, stopped).await) });
    }
    let mut probed = paths.join_all().await;
    probed.sort_by_key(|(index, _)| *index);
    probed.into_iter().map(|(_, probed)| probed).collect()
}

async fn poll(
    probes: &Probes,
    index: usize,
    link: Link,
    begin: Instant,
    mut stopped: watch::Receiver<bool>,
) -> Probed {
    let mut probed = Probed::new(probes.paths[index].clone());
    // A path that makes no address was refused with the command line.
    let uri: Uri = probes.target.path(&probed.path).parse().unwrap_or_default();
    let mut running = JoinSet::new();
    for number in 0_u64.. {
        let due = begin + Duration::from_secs_f64(number as f64 / probes.rate);
        tokio::select! {
            () = sleep_until(due) => {}
            // The sender's end means the same.
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        running.spawn(one(link.clone(), probes.timeout, probes.request(&uri), due));
        while let Some(Ok((time, result))) = running.try_join_next() {
            probed.record(time, result);
        }
    }
    while let Some(Ok((time, result))) = running.join_next().await {
        probed.record(time, result);
    }
    probed
}

async fn one(
    link: Link,
    limit: Duration,
    request: Request<Payload>,
    due: Instant,
) -> (Duration, Result<Answer, Failure>) {
    let result = send_once(&link, limit, request).await;
    let finished = result.as_ref().map_or_else(|_| Instant::now(), |answer| answer.finished);
    (finished - due, result)
}

impl Probes {
    /// A `GET` of `uri`.
    fn request(&self, uri: &Uri) -> Request<Payload> {
        let mut request = Request::new(Payload::empty());
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(header::HOST, self.target.host.clone());
        let key = self.authorization.iter().map(|key| (header::AUTHORIZATION, key.clone()));
        request.headers_mut().extend(key);
        request
    }
}

impl Probed {
    fn new(path: String) -> Self {
        Self {
            path,
            polls: 0,
            failures: 0,
            statuses: BTreeMap::new(),
            failed: BTreeMap::new(),
            times: Times::new(),
        }
    }

    fn record(&mut self, time: Duration, result: Result<Answer, Failure>) {
        self.polls += 1;
        self.times.record(time);
        self.failures += u64::from(!result.as_ref().is_ok_and(|answer| answer.status == 200));
        match result {
            Ok(answer) => *self.statuses.entry(answer.status).or_default() += 1,
            // Polls have no limit of connections.
            Err(Failure::NotSent) => {}
            Err(Failure::Transport(kind, text)) => {
                self.failed.entry(kind).or_insert((0, text)).0 += 1;
            }
        }
    }
}
