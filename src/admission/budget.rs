//! Memory that is promised before it is used: a number of bytes that reservations share, first come
//! first served.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use crate::metrics;

/// Bytes of one permit. What is reserved is rounded up to it.
pub const GRAIN: u64 = 1024;

/// Bytes that can be reserved.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: metrics::Pool,
    /// What all reservations together may have.
    limit: AtomicU64,
    permits: Arc<Semaphore>,
    /// How many wait for a part.
    waiting: AtomicUsize,
}

/// Bytes that are reserved until this is dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    permit: OwnedSemaphorePermit,
}

/// Why nothing was reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// More than there is, however long one waits.
    Never,
    /// Others hold it, and did not give it back in time.
    Late,
}

impl Budget {
    /// `limit` bytes, told to the metrics as a part of `pool`.
    pub fn new(pool: metrics::Pool, limit: u64) -> Self {
        let permits = usize::try_from(limit / GRAIN).unwrap_or(usize::MAX);
        let permits = permits.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let limit = permits as u64 * GRAIN;
        metrics::reservable(pool, limit);
        let permits = Arc::new(Semaphore::new(permits));
        let (limit, waiting) = (AtomicU64::new(limit), AtomicUsize::new(0));
        Self(Arc::new(Shared { pool, limit, permits, waiting }))
    }

    /// All bytes of the budget.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Reserves `bytes` if they are free and nobody waits for them.
    ///
    /// # Errors
    /// [`Shortage::Never`], or [`Shortage::Late`] where one would have to wait.
    pub fn try_reserve(&self, bytes: u64) -> Result<Reservation, Shortage> {
        let permits = self.permits(bytes)?;
        let permit = Arc::clone(&self.0.permits).try_acquire_many_owned(permits);
        permit.map(|permit| self.reserved(permit)).map_err(|_| Shortage::Late)
    }

    /// Reserves `bytes`, after all who asked before, or gives up at `deadline`.
    ///
    /// # Errors
    /// [`Shortage`].
    pub async fn reserve(&self, bytes: u64, deadline: Instant) -> Result<Reservation, Shortage> {
        let permits = self.permits(bytes)?;
        let permit = Arc::clone(&self.0.permits).acquire_many_owned(permits);
        let _waiting = Waiting::new(&self.0.waiting);
        match timeout_at(deadline, permit).await {
            Ok(Ok(permit)) => Ok(self.reserved(permit)),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(Shortage::Late),
        }
    }

    /// Whether somebody waits for a part.
    pub fn is_short(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }

    fn permits(&self, bytes: u64) -> Result<u32, Shortage> {
        if bytes > self.limit() {
            return Err(Shortage::Never);
        }
        u32::try_from(bytes.div_ceil(GRAIN)).map_err(|_| Shortage::Never)
    }

    fn reserved(&self, permit: OwnedSemaphorePermit) -> Reservation {
        metrics::reserve(self.0.pool, permit.num_permits() as u64 * GRAIN);
        Reservation { budget: self.clone(), permit }
    }
}

/// Counts one who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reservation {
    /// Bytes that are reserved.
    pub fn bytes(&self) -> u64 {
        self.permit.num_permits() as u64 * GRAIN
    }

    /// The budget that it is a part of.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Takes these bytes out of the budget for good.
    pub fn keep(mut self) {
        let permits = self.permit.num_permits();
        if let Some(permit) = self.permit.split(permits) {
            permit.forget();
            let (shared, bytes) = (&self.budget.0, permits as u64 * GRAIN);
            shared.limit.fetch_sub(bytes, Ordering::Relaxed);
            metrics::release(shared.pool, bytes);
            metrics::unreservable(shared.pool, bytes);
        }
    }

    /// Adds `other`, of the same budget.
    pub fn merge(&mut self, mut other: Self) {
        if let Some(permit) = other.permit.split(other.permit.num_permits()) {
            self.permit.merge(permit);
        }
    }

    /// Gives back what is reserved above `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        let spare = self.bytes().saturating_sub(bytes.div_ceil(GRAIN) * GRAIN) / GRAIN;
        if let Some(permit) = self.permit.split(usize::try_from(spare).unwrap_or(0)) {
            drop(Self { budget: self.budget.clone(), permit });
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        metrics::release(self.budget.0.pool, self.bytes());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn budget(limit: u64) -> Budget {
        Budget::new(metrics::Pool::Decodes, limit)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_fits_is_refused_at_once() {
        let start = Instant::now();
        let shortage = budget(10 * GRAIN).reserve(10 * GRAIN + 1, soon()).await.unwrap_err();
        assert_eq!(shortage, Shortage::Never);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_now_waits_until_it_does_or_its_deadline() {
        let budget = budget(10 * GRAIN);
        let held = budget.reserve(6 * GRAIN, soon()).await.unwrap();
        let start = Instant::now();
        assert_eq!(budget.reserve(5 * GRAIN, soon()).await.unwrap_err(), Shortage::Late);
        assert_eq!(start.elapsed(), Duration::from_secs(10));
        let late = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(held);
        };
        let start = Instant::now();
        let (second, ()) = tokio::join!(budget.reserve(5 * GRAIN, soon()), late);
        assert_eq!(second.unwrap().bytes(), 5 * GRAIN);
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test]
    async fn nothing_is_lost_by_growing_and_shrinking() {
        let budget = budget(10 * GRAIN);
        let mut held = budget.try_reserve(4 * GRAIN - 1).unwrap();
        held.merge(budget.try_reserve(6 * GRAIN).unwrap());
        assert_eq!((held.bytes(), budget.try_reserve(1).is_err()), (10 * GRAIN, true));
        held.shrink(GRAIN + 1);
        assert_eq!(held.bytes(), 2 * GRAIN);
        assert_eq!(budget.try_reserve(8 * GRAIN).unwrap().bytes(), 8 * GRAIN);
        drop(held);
        assert!(budget.try_reserve(10 * GRAIN).is_ok());
    }
}
