//! Whether the model's workers work: busy is not stuck, and one failure is not an illness.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

/// A worker that has not moved for this long has stopped for good: many times the slowest batch of
/// the models that are served most.
const STUCK: Duration = Duration::from_secs(60);

/// For others as many times as long as a full batch takes that has the machine for itself.
const STUCK_BATCHES: u32 = 2;

/// Batches that fail one after the other until the model counts as failing.
const FAILURES: u32 = 3;

/// How the workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The latest batches all failed. One that succeeds ends this.
    pub failing: bool,
    /// A worker has had a batch for a minute, or, where full batches take long, for two of them.
    pub stuck: bool,
}

/// What is known of all workers.
#[derive(Debug)]
pub(super) struct Vitals {
    /// How long a batch may run.
    longest: Duration,
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
    /// Of `workers` workers whose full batches take `full`.
    pub fn of(workers: usize, full: Duration) -> (Arc<Self>, Vec<Heart>) {
        let vitals = Arc::new(Self {
            longest: STUCK.max(full.saturating_mul(STUCK_BATCHES)),
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

    pub fn health(&self, now: Instant) -> Health {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_stuck = |since: &Instant| now.saturating_duration_since(*since) > self.longest;
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
    pub fn begins(&self, now: Instant) {
        self.vitals.set(self.worker, Some(now));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_does_not_move_is_stuck_and_one_that_is_busy_for_an_hour_is_not() {
        let (vitals, hearts) = Vitals::of(2, Duration::from_secs(2));
        let mut now = Instant::now();
        for _ in 0..3600 / 50 {
            hearts[0].begins(now);
            now += Duration::from_secs(50);
            assert!(!vitals.health(now).stuck, "busy is not stuck");
            hearts[0].ends(true);
        }
        hearts[1].begins(now);
        assert!(!vitals.health(now + STUCK).stuck);
        assert!(vitals.health(now + STUCK + Duration::from_secs(1)).stuck);
        hearts[1].ends(true);
        assert!(!vitals.health(now + 2 * STUCK).stuck);
        hearts.iter().for_each(Heart::stops);
    }

    #[test]
    fn a_slow_model_is_not_stuck_while_a_full_batch_runs() {
        let (vitals, hearts) = Vitals::of(1, Duration::from_secs(100));
        let now = Instant::now();
        hearts[0].begins(now);
        assert!(!vitals.health(now + Duration::from_secs(200)).stuck);
        assert!(vitals.health(now + Duration::from_secs(201)).stuck);
        hearts[0].stops();
    }
}
