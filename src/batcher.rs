//! Collects the pixels of all requests and hands them to the model, batch by batch, on a thread of
//! its own, so that nothing which answers HTTP ever waits for a forward pass.
//!
//! A worker that is free takes what waits, up to [`MAX_BATCH`] images, and never waits for more.
//! Requests share each batch evenly, so that a small one does not wait for a large one, and each is
//! answered as soon as its last image is done. One whose client has gone is dropped.

use std::{
    sync::{Arc, mpsc},
    time::Instant,
};

use rayon::ThreadPool;
use tokio::sync::oneshot;

use crate::{
    metrics::{self, Place, Stage},
    model::{Embedding, Model},
    panics,
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

/// One request: its pixels, the embeddings of the first of them, and where these go.
struct Request {
    pixels: Vec<Pixels>,
    done: Vec<Embedding>,
    since: Instant,
    answer: oneshot::Sender<Answer>,
}

impl Request {
    /// Images that are not embedded yet.
    fn left(&self) -> usize {
        self.pixels.len() - self.done.len()
    }

    /// The next `count` of them.
    fn next(&self, count: usize) -> impl Iterator<Item = &[f32]> {
        self.pixels[self.done.len()..][..count].iter().map(Pixels::as_slice)
    }

    /// Tells the client; one that has gone meanwhile is no error.
    fn answer(self, result: Result<(), BatchError>) {
        let _ = self.answer.send(result.map(|()| self.done));
    }
}

/// The queue before the model. The worker ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Batcher {
    queue: mpsc::Sender<Request>,
}

impl Batcher {
    /// Starts the worker, which computes on `compute`.
    ///
    /// # Errors
    /// When the system refuses the thread.
    pub fn start(model: Arc<Model>, compute: ThreadPool) -> std::io::Result<Self> {
        let embed = move |images: &[&[f32]]| compute.install(|| forward(&model, images));
        Self::with(embed)
    }

    fn with(embed: impl Fn(&[&[f32]]) -> Answer + Send + 'static) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel();
        std::thread::Builder::new()
            .name("batcher".to_owned())
            .spawn(move || work(&embed, &waiting))?;
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
        let done = Vec::with_capacity(pixels.len());
        let request = Request { pixels, done, since: Instant::now(), answer };
        self.queue.send(request).map_err(|_| BatchError::Stopped)?;
        embeddings.await.map_err(|_| BatchError::Stopped)?
    }
}

fn work(embed: &impl Fn(&[&[f32]]) -> Answer, waiting: &mpsc::Receiver<Request>) {
    let mut running: Vec<Request> = Vec::new();
    loop {
        if running.is_empty() {
            let Ok(first) = waiting.recv() else { return };
            running.push(first);
        }
        running.extend(waiting.try_iter());
        running.retain(|request| !request.answer.is_closed());
        let left: Vec<usize> = running.iter().map(Request::left).collect();
        let shares = shares(&left, MAX_BATCH);
        let images: Vec<&[f32]> =
            running.iter().zip(&shares).flat_map(|(request, &share)| request.next(share)).collect();
        if images.is_empty() {
            continue;
        }
        for (request, _) in
            running.iter().zip(&shares).filter(|(r, s)| **s > 0 && r.done.is_empty())
        {
            metrics::stage(Stage::Queue, request.since.elapsed());
        }
        let embeddings = embed(&images);
        running = distribute(running, &shares, embeddings);
    }
}

/// How many images each request gets into a batch of at most `most`, when `left` are left of each:
/// the same for all, and what some do not need for the oldest.
fn shares(left: &[usize], most: usize) -> Vec<usize> {
    let even = (most / left.len().max(1)).max(1);
    let mut room = most;
    let mut take = |wanted: usize| {
        let taken = wanted.min(room);
        room -= taken;
        taken
    };
    let mut shares: Vec<usize> = left.iter().map(|&left| take(left.min(even))).collect();
    for (share, left) in shares.iter_mut().zip(left) {
        *share += take(left - *share);
    }
    shares
}

/// Gives each request its share of a batch, answers those that are done or have failed, and returns
/// the others.
fn distribute(running: Vec<Request>, shares: &[usize], embeddings: Answer) -> Vec<Request> {
    let mut embeddings = embeddings.map(Vec::into_iter);
    let mut unfinished = Vec::with_capacity(running.len());
    for (mut request, &share) in running.into_iter().zip(shares) {
        match &mut embeddings {
            Ok(embeddings) => request.done.extend(embeddings.take(share)),
            Err(error) if share > 0 => {
                request.answer(Err(*error));
                continue;
            }
            Err(_) => {}
        }
        match request.left() {
            0 => request.answer(Ok(())),
            _ => unfinished.push(request),
        }
    }
    unfinished
}

/// One forward pass, whose failure costs only those who have images in it.
fn forward(model: &Model, images: &[&[f32]]) -> Answer {
    metrics::batch(images.len());
    let start = Instant::now();
    let embeddings = panics::catch(Place::Model, || model.embed(images));
    metrics::stage(Stage::Forward, start.elapsed());
    match embeddings {
        Ok(Ok(embeddings)) => Ok(embeddings),
        Ok(Err(error)) => {
            tracing::error!(%error, images = images.len(), "the forward pass failed");
            Err(BatchError::Model)
        }
        Err(_) => Err(BatchError::Model),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_batch_is_shared_evenly_and_filled() {
        assert_eq!(shares(&[1, 256], 32), [1, 31]);
        assert_eq!(shares(&[256, 1], 32), [31, 1]);
        assert_eq!(shares(&[32, 32, 32, 32], 32), [8, 8, 8, 8]);
        assert_eq!(shares(&[256], 32), [32]);
        assert_eq!(shares(&[2, 3], 32), [2, 3]);
        assert_eq!(shares(&[1; 40], 32).iter().sum::<usize>(), 32);
        assert!(shares(&[], 32).is_empty());
    }

    /// Photos whose only number says which they are.
    fn pixels(numbers: impl IntoIterator<Item = u8>) -> Vec<Pixels> {
        numbers.into_iter().map(|number| Pixels::from(vec![number.into()])).collect()
    }

    /// An "embedding" that is its photo, made only after `begin` was released.
    fn echo(begin: Arc<Mutex<()>>) -> impl Fn(&[&[f32]]) -> Answer {
        move |images| {
            drop(begin.lock());
            assert!(images.len() <= MAX_BATCH);
            match images.iter().any(|image| image[0] == 255.0) {
                true => Err(BatchError::Model),
                false => Ok(images.iter().map(|image| image.to_vec()).collect()),
            }
        }
    }

    #[tokio::test]
    async fn each_request_gets_its_own_embeddings_in_order() {
        let begin = Arc::new(Mutex::new(()));
        let batcher = Batcher::with(echo(Arc::clone(&begin))).unwrap();
        let held = begin.lock().unwrap();
        let large = batcher.embed(pixels(0..200));
        let small = batcher.embed(pixels([201, 202]));
        let both = async { tokio::join!(large, small) };
        let release = async { drop(held) };
        let ((large, small), ()) = tokio::join!(both, release);
        let numbers = |answer: Answer| answer.unwrap().concat();
        assert_eq!(numbers(large), (0u8..200).map(f32::from).collect::<Vec<_>>());
        assert_eq!(numbers(small), [201.0, 202.0]);
    }

    #[tokio::test]
    async fn a_small_request_does_not_wait_for_a_large_one() {
        let begin = Arc::new(Mutex::new(()));
        let batches = Arc::new(Mutex::new(Vec::new()));
        let (echo, noted) = (echo(Arc::clone(&begin)), Arc::clone(&batches));
        let batcher = Batcher::with(move |images: &[&[f32]]| {
            noted.lock().unwrap().push(images.concat());
            echo(images)
        })
        .unwrap();
        let held = begin.lock().unwrap();
        let (large, small) = (batcher.embed(pixels([0; 250])), batcher.embed(pixels([1])));
        let (large, small, ()) = tokio::join!(large, small, async { drop(held) });
        assert_eq!((large.unwrap().len(), small.unwrap().len()), (250, 1));
        // The first batch may have been taken before the small request came.
        let with_small = batches.lock().unwrap().iter().position(|batch| batch.contains(&1.0));
        assert!(with_small <= Some(1), "in batch {with_small:?}");
    }

    #[tokio::test]
    async fn a_failure_costs_only_those_in_its_batch() {
        let begin = Arc::new(Mutex::new(()));
        let batcher = Batcher::with(echo(begin)).unwrap();
        assert_eq!(batcher.embed(pixels([255])).await, Err(BatchError::Model));
        assert!(batcher.embed(pixels([3])).await.is_ok());
    }
}
