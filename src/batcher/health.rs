//! Whether the model's workers work: busy is not stuck, and one failure is not an illness.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// A worker that has not moved for this long has stopped for good: many times the slowest batch.
const STUCK: Duration = Duration::from_secs(60);

/// Batches that fail one after the other until the model counts as failing.
const FAILURES: u32 = 3;

/// How the workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The latest batches all failed. One that succeeds ends this.
    pub failing: bool,
    /// A worker has had work for a minute and has not moved.
    pub stuck: bool,
}

/// What is known of all workers.
#[derive(Debug)]
pub(super) struct Vitals {
    /// For each worker since when its batch runs.
    running: Mutex<Vec<Option<Instant>>>,
    failures: AtomicU32,
    lost: watch::Sender<bool>,
}

/// One worker's part of it.
#[derive(Debug)]
pub(super) struct Heart {
    vitals: Arc<Vitals>,
    worker: usize,
    stopped: std::cell::Cell<bool>,
}

impl Vitals {
    pub fn of(workers: usize) -> (Arc<Self>, Vec<Heart>) {
        let vitals = Arc::new(Self {
            running: Mutex::new(vec![None; workers]),
            failures: AtomicU32::new(0),
            lost: watch::Sender::new(false),
        });
        let heart = |worker| {
            let vitals = Arc::clone(&vitals);
            Heart { vitals, worker, stopped: std::cell::Cell::new(false) }
        };
        let hearts = (0..workers).map(heart).collect();
        (vitals, hearts)
    }

    pub fn health(&self) -> Health {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stuck = |since: &Instant| since.elapsed() > STUCK;
        Health {
            failing: self.failures.load(Ordering::Relaxed) >= FAILURES,
            stuck: running.iter().flatten().any(is_stuck),
        }
    }

    pub async fn lost(&self) {
        // The sender lives as long as `self`.
        let _ = self.lost.subscribe().wait_for(|lost| *lost).await;
    }

    fn set(&self, worker: usize, since: Option<Instant>) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)[worker] = since;
    }
}

impl Heart {
    /// A batch begins.
    pub fn begins(&self) {
        self.vitals.set(self.worker, Some(Instant::now()));
    }

    /// It is done.
    pub fn ends(&self, well: bool) {
        self.vitals.set(self.worker, None);
        if well {
            self.vitals.failures.store(0, Ordering::Relaxed);
        } else {
            self.vitals.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The worker ends because it was told to.
    pub fn stops(&self) {
        self.stopped.set(true);
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        if !self.stopped.get() {
            self.vitals.lost.send_replace(true);
        }
    }
}
