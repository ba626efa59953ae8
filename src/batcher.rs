//! Collects the pixels of all requests and hands them to the model, batch by batch, on a thread of
//! its own, so that nothing which answers HTTP ever waits for a forward pass.
//!
//! A worker that is free takes what waits, up to [`MAX_BATCH`] images, and never waits for more.
//! Requests whose client has gone are dropped before they are computed.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
    time::Instant,
};

use rayon::ThreadPool;
use tokio::sync::oneshot;

use crate::{
    metrics,
    model::{Embedding, Model},
    preprocess::Pixels,
};

/// Most images in one forward pass. Larger ones gain nothing on a CPU and hold more memory.
pub const MAX_BATCH: usize = 32;

/// Why a request got no embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The forward pass failed; the log says why.
    #[error("the model failed on this batch; the log of the service says why")]
    Model,
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

impl BatchError {
    /// A stable label for clients and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Model => "model_failed",
            Self::Stopped => "stopping",
        }
    }
}

type Answer = Result<Vec<Embedding>, BatchError>;

/// The pixels of one request and where its embeddings go.
struct Waiting {
    pixels: Vec<Pixels>,
    since: Instant,
    answer: oneshot::Sender<Answer>,
}

/// The queue before the model. The worker ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Batcher {
    queue: mpsc::Sender<Waiting>,
}

impl Batcher {
    /// Starts the worker, which computes on `compute`.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(model: Arc<Model>, compute: ThreadPool) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("batcher".to_owned())
            .spawn(move || work(&model, &compute, &waiting))?;
        Ok(Self { queue })
    }

    /// The embeddings of `pixels`, in their order.
    ///
    /// # Errors
    /// [`BatchError`] when the model failed or the worker has ended.
    pub async fn embed(&self, pixels: Vec<Pixels>) -> Answer {
        if pixels.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, embeddings) = oneshot::channel();
        let waiting = Waiting { pixels, since: Instant::now(), answer };
        self.queue.send(waiting).map_err(|_| BatchError::Stopped)?;
        embeddings.await.map_err(|_| BatchError::Stopped)?
    }
}

fn work(model: &Model, compute: &ThreadPool, waiting: &mpsc::Receiver<Waiting>) {
    while let Ok(first) = waiting.recv() {
        let mut requests = vec![first];
        let images = |requests: &[Waiting]| requests.iter().map(|w| w.pixels.len()).sum::<usize>();
        while images(&requests) < MAX_BATCH
            && let Ok(next) = waiting.try_recv()
        {
            requests.push(next);
        }
        requests.retain(|request| !request.answer.is_closed());
        let embeddings = compute.install(|| embed_all(model, &requests));
        answer(requests, embeddings);
    }
}

/// The embeddings of all `requests`, one after the other.
fn embed_all(model: &Model, requests: &[Waiting]) -> Answer {
    for request in requests {
        metrics::stage("queue", request.since);
    }
    let images: Vec<&[f32]> =
        requests.iter().flat_map(|request| &request.pixels).map(Pixels::as_slice).collect();
    let mut embeddings = Vec::with_capacity(images.len());
    for batch in images.chunks(MAX_BATCH) {
        metrics::batch(batch.len());
        let start = Instant::now();
        let forward = catch_unwind(AssertUnwindSafe(|| model.embed(batch)));
        metrics::stage("forward", start);
        match forward {
            Ok(Ok(of_batch)) => embeddings.extend(of_batch),
            Ok(Err(error)) => {
                tracing::error!(%error, images = batch.len(), "the forward pass failed");
                return Err(BatchError::Model);
            }
            Err(panic) => {
                let panic = message(&*panic);
                tracing::error!(panic, images = batch.len(), "the forward pass panicked");
                return Err(BatchError::Model);
            }
        }
    }
    Ok(embeddings)
}

/// Gives each request its part; a client that has gone meanwhile is no error.
fn answer(requests: Vec<Waiting>, embeddings: Answer) {
    let mut embeddings = embeddings.map(Vec::into_iter);
    for Waiting { pixels, answer, .. } in requests {
        let part = embeddings.as_mut().map(|all| all.take(pixels.len()).collect());
        let _ = answer.send(part.map_err(|error| *error));
    }
}

/// What a panic said.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
