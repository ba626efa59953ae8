//! Collects the pixels of all requests and hands them to the model, batch by batch, on threads of
//! its own, so that nothing which answers HTTP ever waits for a forward pass.
//!
//! A worker that is free takes what waits, up to the largest batch; [`queue`] says whose images
//! come first. A request is answered as soon as its last image is done. One that has waited too
//! long, or whose client has gone, is dropped before it is computed.

mod health;
mod queue;

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub use health::Health;
use health::{Heart, Vitals};
use queue::{Queue, Share, Stale};
use tokio::sync::oneshot;

use crate::{
    admission::Places,
    metrics::{self, Place, Stage},
    model::{Embedding, ModelError},
    panics,
    preprocess::Pixels,
    threads,
};

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    /// Threads that take batches, at least 1 (`--workers`).
    pub workers: usize,
    /// Most images in one forward pass, at least 1 (`--max-batch`).
    pub most: usize,
    /// How long a batch that is not full waits for more (`--batch-delay`).
    pub delay: Duration,
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
    /// In the order of the pixels.
    pub embeddings: Vec<Embedding>,
    /// How long its first image waited for its batch.
    pub queued: Duration,
    /// From then on, until the last was done.
    pub computed: Duration,
}

type Answer = Result<Embedded, BatchError>;

/// One request, and where its answer goes.
struct Request {
    /// Empty where they were taken into a batch.
    pixels: Vec<Pixels>,
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
        let images = self.pixels.len();
        if self.answer.send(answer).is_err() {
            metrics::images("abandoned", images);
        }
    }
}

/// Images on their way through the model.
struct Batch {
    shares: Vec<Share>,
    pixels: Vec<Pixels>,
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
        self.shared.changed.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// There are images to take, or the batcher stops.
    changed: Condvar,
    options: BatchOptions,
}

#[derive(Debug)]
struct State {
    queue: Queue<Request>,
    /// Workers that wait for images.
    idle: usize,
    stopped: bool,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("images", &self.pixels.len()).finish_non_exhaustive()
    }
}

impl Batcher {
    /// Starts the workers, whose full batches take `full`; `embed` makes for each the function that
    /// computes a batch on it.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start<F>(
        options: BatchOptions,
        full: Duration,
        mut embed: impl FnMut() -> F,
    ) -> std::io::Result<Self>
    where
        F: Fn(&[&[f32]]) -> Result<Vec<Embedding>, ModelError> + Send + 'static,
    {
        let state = State { queue: Queue::new(), idle: 0, stopped: false };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new(), options };
        let (vitals, hearts) = Vitals::of(options.workers, full);
        let batcher = Self(Arc::new(Handle { shared: Arc::new(shared), vitals }));
        for (worker, heart) in hearts.into_iter().enumerate() {
            let (shared, embed) = (Arc::clone(&batcher.0.shared), embed());
            std::thread::Builder::new().name(format!("batcher-{worker}")).spawn(move || {
                threads::give_way();
                work(&shared, &heart, &embed);
                heart.stops();
            })?;
        }
        Ok(batcher)
    }

    /// The embeddings of `pixels`, in their order; the first of them must be taken within
    /// `patience`. Each of `places` is given back with its embedding.
    ///
    /// # Errors
    /// [`BatchError`].
    pub async fn embed(&self, pixels: Vec<Pixels>, places: Places, patience: Duration) -> Answer {
        let images = pixels.len();
        if images == 0 {
            let none = Duration::ZERO;
            return Ok(Embedded { embeddings: Vec::new(), queued: none, computed: none });
        }
        let (answer, embeddings) = oneshot::channel();
        let since = Instant::now();
        let request = Request {
            embeddings: vec![Embedding::new(); images],
            pixels,
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
            state.queue.push(request, images, since, deadline);
            state.tell(since);
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

    /// Waits for images and takes a batch of them; none when the batcher stops.
    fn next(&self) -> Option<Batch> {
        let mut state = self.state();
        state.idle += 1;
        let batch = loop {
            if state.stopped {
                break None;
            }
            state.drop_stale();
            let now = Instant::now();
            let (depth, age) = (state.queue.depth(), state.queue.age(now));
            let patience = self.options.delay.saturating_sub(age);
            if depth == 0 {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if depth < self.options.most && !patience.is_zero() {
                let waited = self.changed.wait_timeout(state, patience);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                // Others that are idle take their part of it.
                let even = depth.div_ceil(state.idle);
                break Some(state.take(even.min(self.options.most), now));
            }
        };
        state.idle -= 1;
        batch
    }

    /// Gives each request of `batch` its embeddings, or the failure.
    fn finish(&self, batch: Vec<Share>, embeddings: Option<Vec<Embedding>>) {
        let mut state = self.state();
        let failed = embeddings.is_none();
        let mut embeddings = embeddings.into_iter().flatten();
        let mut done = Vec::new();
        for share in batch {
            if let Some(request) = state.queue.get(&share) {
                request.failed |= failed;
                for (place, embedding) in
                    request.embeddings[share.images.clone()].iter_mut().zip(&mut embeddings)
                {
                    *place = embedding;
                }
                request.places.answered(share.images.len());
            }
            done.extend(match failed {
                true => state.queue.fail(&share),
                false => state.queue.finish(&share),
            });
        }
        if failed {
            // Nothing more of those that failed is waiting.
            state.tell(Instant::now());
        }
        drop(state);
        done.into_iter().for_each(Request::answer);
    }
}

impl State {
    fn take(&mut self, most: usize, now: Instant) -> Batch {
        let shares = self.queue.take(most);
        let mut pixels = Vec::with_capacity(most);
        for share in &shares {
            let Some(request) = self.queue.get(share) else { continue };
            if request.begun.is_none() {
                request.begun = Some(now);
                request.places.begin();
                metrics::stage(Stage::Queue, now.saturating_duration_since(request.since));
            }
            pixels.extend(request.pixels[share.images.clone()].iter_mut().map(std::mem::take));
        }
        self.tell(now);
        Batch { shares, pixels }
    }

    fn drop_stale(&mut self) {
        let is_abandoned = |request: &Request| request.answer.is_closed();
        let now = Instant::now();
        let stale = self.queue.take_stale(now, is_abandoned);
        if !stale.is_empty() {
            self.tell(now);
        }
        for (request, stale) in stale {
            let left = request.pixels.iter().filter(|pixels| !pixels.as_slice().is_empty()).count();
            match stale {
                Stale::Expired => {
                    metrics::images("expired", left);
                    let _ = request.answer.send(Err(BatchError::Late));
                }
                Stale::Abandoned => metrics::images("abandoned", left),
            }
        }
    }

    fn tell(&self, now: Instant) {
        metrics::queue(self.queue.depth(), self.queue.age(now));
    }
}

fn work(
    shared: &Shared,
    heart: &Heart,
    embed: &impl Fn(&[&[f32]]) -> Result<Vec<Embedding>, ModelError>,
) {
    while let Some(Batch { shares, pixels }) = shared.next() {
        let images: Vec<&[f32]> = pixels.iter().map(Pixels::as_slice).collect();
        heart.begins(Instant::now());
        let embeddings = forward(embed, &images);
        heart.ends(embeddings.is_some());
        #[cfg(feature = "fault-injection")]
        crate::faults::in_worker(&images);
        shared.finish(shares, embeddings);
    }
}

/// One forward pass, whose failure costs only those who have images in it; the log says why.
fn forward(
    embed: &impl Fn(&[&[f32]]) -> Result<Vec<Embedding>, ModelError>,
    images: &[&[f32]],
) -> Option<Vec<Embedding>> {
    metrics::batch(images.len());
    let start = Instant::now();
    let embeddings = panics::catch(Place::Model, || embed(images));
    metrics::stage(Stage::Forward, start.elapsed());
    match embeddings {
        Ok(Ok(embeddings)) => Some(embeddings),
        Ok(Err(error)) => {
            tracing::error!(%error, images = images.len(), "the forward pass failed");
            None
        }
        // What it said has been logged where it happened.
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
