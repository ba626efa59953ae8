//! Collects the images and texts of all requests and hands them to the model, batch by batch, on threads of
//! its own, so that nothing which answers HTTP ever waits for a forward pass.
//!
//! A worker that is free takes what waits, up to the largest batch; [`queue`] says whose images
//! come first. One that finds nothing helps another with its batch until something comes. A request
//! is answered as soon as its last image is done. One that has waited too long, or whose client has
//! gone, is dropped before it is computed.

mod health;
mod item;
mod queue;
mod worker;

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

pub use health::Health;
use health::Vitals;
pub(crate) use item::Counts;
pub use item::Item;
use queue::{Queue, Share, Stale};
use tokio::sync::oneshot;

use crate::{
    admission::Places,
    kernels::crew::Crew,
    metrics::{self, Stage},
    model::{Embedding, ModelError, Sample},
    threads,
};

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// Threads that take batches, at least 1.
    pub workers: usize,
    /// Most images that are taken at a time, at least 1.
    pub most: usize,
    /// How long a batch that is not full waits for more.
    pub delay: Duration,
    /// Whether workers that have nothing to do help the others: where batches are computed on cores.
    pub helping: bool,
}

/// Why a request got no embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The forward pass failed; the log says why.
    #[error("the model failed on this batch; the log of the service says why")]
    Model,
    /// It waited in vain.
    #[error("the request waited longer for the model than it may")]
    Late,
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

/// The embeddings of a request, and what became of its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// In the order of the items.
    pub embeddings: Vec<Embedding>,
    /// How long its first image waited for its batch.
    pub queued: Duration,
    /// From then on, until the last was done.
    pub computed: Duration,
}

type Answer = Result<Embedded, BatchError>;

/// One request, and where its answer goes.
struct Request {
    /// None where they were taken into a batch.
    items: Vec<Option<Item>>,
    /// Images and texts among them.
    counts: Counts,
    /// Empty where they are not done yet.
    embeddings: Vec<Embedding>,
    places: Places,
    since: Instant,
    begun: Option<Instant>,
    failed: bool,
    answer: oneshot::Sender<Answer>,
}

impl Request {
    /// Tells the client, or counts that it has gone meanwhile.
    fn answer(mut self) {
        let begun = self.begun.unwrap_or(self.since);
        let answer = if self.failed {
            Err(BatchError::Model)
        } else {
            Ok(Embedded {
                embeddings: std::mem::take(&mut self.embeddings),
                queued: begun.saturating_duration_since(self.since),
                computed: begun.elapsed(),
            })
        };
        if self.answer.send(answer).is_err() {
            self.counts.tell("abandoned");
        }
    }
}

/// Images on their way through the model.
struct Batch {
    shares: Vec<Share>,
    items: Vec<Item>,
}

/// What a worker is to do next.
enum Task {
    Compute(Batch),
    /// Nothing waits, but another's batch is being computed.
    Help(Arc<Crew>),
}

/// The queue before the model. The workers end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Batcher(Arc<Handle>);

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    vitals: Arc<Vitals>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.shared.wanted.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There are images to take or a batch to help with, or the batcher stops.
    changed: Condvar,
    /// There are images to take, or the batcher stops: for those who help, without the lock.
    wanted: AtomicBool,
    options: BatchOptions,
}

#[derive(Debug)]
struct State {
    queue: Queue<Request>,
    /// Workers that wait for images.
    idle: usize,
    /// Those that compute a batch, with how many help them.
    crews: Vec<(Arc<Crew>, usize)>,
    stopped: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Batcher {
    /// Starts the workers, whose full batches take `full`; `embed` has for each the function that
    /// computes a batch on it, with the crew that it leads.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start<F>(
        options: BatchOptions,
        full: Duration,
        embed: impl IntoIterator<Item = F>,
    ) -> std::io::Result<Self>
    where
        F: FnMut(&[Sample<'_>], &Crew) -> Result<Vec<Embedding>, ModelError> + Send + 'static,
    {
        let crews = Vec::with_capacity(options.workers);
        let state = State { queue: Queue::new(), idle: 0, crews, stopped: false };
        let (state, wanted) = (Mutex::new(state), AtomicBool::new(false));
        let shared = Shared { state, changed: Condvar::new(), wanted, options };
        let (vitals, hearts) = Vitals::of(options.workers, full);
        let batcher = Self(Arc::new(Handle { shared: Arc::new(shared), vitals }));
        for ((worker, heart), mut embed) in hearts.into_iter().enumerate().zip(embed) {
            let shared = Arc::clone(&batcher.0.shared);
            std::thread::Builder::new().name(format!("batcher-{worker}")).spawn(move || {
                threads::give_way();
                worker::work(&shared, &heart, &mut embed);
                heart.stops();
            })?;
        }
        Ok(batcher)
    }

    /// What the model makes of `items`, in their order; the first of them must be taken within
    /// `patience`. Each of `places` is given back with its embedding.
    ///
    /// # Errors
    /// [`BatchError`].
    pub async fn embed(&self, items: Vec<Item>, places: Places, patience: Duration) -> Answer {
        let count = items.len();
        if count == 0 {
            let none = Duration::ZERO;
            return Ok(Embedded { embeddings: Vec::new(), queued: none, computed: none });
        }
        let (answer, embeddings) = oneshot::channel();
        let since = Instant::now();
        let request = Request {
            embeddings: vec![Embedding::new(); count],
            counts: Counts::of(&items),
            items: items.into_iter().map(Some).collect(),
            places,
            since,
            begun: None,
            failed: false,
            answer,
        };
        {
            let mut state = self.0.shared.state();
            if state.stopped {
                return Err(BatchError::Stopped);
            }
            // A patience without end is cut to what a clock can say.
            let deadline = since.checked_add(patience).unwrap_or(since + LONGEST_PATIENCE);
            state.queue.push(request, count, since, deadline);
            state.tell(since);
            self.0.shared.wanted.store(true, Ordering::Relaxed);
        }
        self.0.shared.changed.notify_all();
        // A worker looks at deadlines and departures when it is free; until then this does.
        let mut waiting = Waiting { shared: &self.0.shared, embeddings: Some(embeddings) };
        let Ok(answer) = tokio::time::timeout(patience, waiting.answer()).await else {
            self.0.shared.state().drop_stale();
            return waiting.answer().await;
        };
        answer
    }

    /// Most images and texts that are taken at a time.
    pub fn most(&self) -> usize {
        self.0.shared.options.most
    }

    /// How the workers are.
    pub fn health(&self) -> Health {
        self.0.vitals.health(Instant::now())
    }

    /// Returns when a worker has ended that should not have.
    pub async fn lost(&self) {
        self.0.vitals.lost().await;
    }
}

/// A client that waits. When it goes, its images make room at once.
struct Waiting<'a> {
    shared: &'a Shared,
    embeddings: Option<oneshot::Receiver<Answer>>,
}

impl Waiting<'_> {
    async fn answer(&mut self) -> Answer {
        let Some(embeddings) = &mut self.embeddings else { return Err(BatchError::Stopped) };
        let answer = embeddings.await;
        self.embeddings = None;
        answer.unwrap_or(Err(BatchError::Stopped))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(mut embeddings) = self.embeddings.take() {
            embeddings.close();
            self.shared.state().drop_stale();
        }
    }
}

/// A day.
const LONGEST_PATIENCE: Duration = Duration::from_secs(86_400);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic under the lock ends its worker, and with it the process.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, most: usize, now: Instant) -> Batch {
        let shares = self.queue.take(most);
        let mut items = Vec::with_capacity(most);
        for share in &shares {
            let Some(request) = self.queue.get(share) else { continue };
            if request.begun.is_none() {
                request.begun = Some(now);
                request.places.begin();
                metrics::stage(Stage::Queue, now.saturating_duration_since(request.since));
            }
            items.extend(request.items[share.items.clone()].iter_mut().filter_map(Option::take));
        }
        self.tell(now);
        Batch { shares, items }
    }

    /// A place in the crew that has the fewest helpers.
    fn join(&mut self) -> Option<Arc<Crew>> {
        let (crew, helpers) = self.crews.iter_mut().min_by_key(|(_, helpers)| *helpers)?;
        *helpers += 1;
        Some(Arc::clone(crew))
    }

    fn drop_stale(&mut self) {
        let is_abandoned = |request: &Request| request.answer.is_closed();
        let now = Instant::now();
        let stale = self.queue.take_stale(now, is_abandoned);
        if !stale.is_empty() {
            self.tell(now);
        }
        for (request, stale) in stale {
            let left = Counts::of(request.items.iter().flatten());
            match stale {
                Stale::Expired => {
                    left.tell("expired");
                    let _ = request.answer.send(Err(BatchError::Late));
                }
                Stale::Abandoned => left.tell("abandoned"),
            }
        }
    }

    fn tell(&self, now: Instant) {
        metrics::queue(self.queue.depth(), self.queue.age(now));
    }
}

#[cfg(test)]
mod tests;
