//! The queue before the model: how many images wait, and how long the oldest of them has.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use metrics::gauge;

use super::family;

static OLDEST: Oldest = Oldest::none();

/// Some moment before the first image waits.
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// `images` wait for the model now, the oldest of them for `oldest`.
pub fn queue(images: usize, oldest: Duration) {
    gauge!(family::QUEUE_DEPTH).set(images as f64);
    OLDEST.waits((images > 0).then_some(oldest), EPOCH.elapsed());
}

/// Hands the age to the recorder.
pub(super) fn publish() {
    gauge!(family::QUEUE_AGE).set(OLDEST.age(EPOCH.elapsed()).as_secs_f64());
}

/// Since when the oldest image waits, in microseconds of [`EPOCH`]. A time and not an age, so that
/// the age grows even where nobody empties the queue any more.
struct Oldest(AtomicU64);

/// No image waits.
const NOBODY: u64 = u64::MAX;

impl Oldest {
    const fn none() -> Self {
        Self(AtomicU64::new(NOBODY))
    }

    /// At `now` an image waits for so long, or none does.
    fn waits(&self, oldest: Option<Duration>, now: Duration) {
        // One that waited before the epoch is as old as the epoch.
        let since = oldest.map(|oldest| now.saturating_sub(oldest).as_micros());
        let since = since.and_then(|since| u64::try_from(since).ok());
        self.0.store(since.unwrap_or(NOBODY), Ordering::Relaxed);
    }

    fn age(&self, now: Duration) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            NOBODY => Duration::ZERO,
            since => now.saturating_sub(Duration::from_micros(since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_grows_until_nothing_waits() {
        let second = Duration::from_secs(1);
        let oldest = Oldest::none();
        assert_eq!(oldest.age(9 * second), Duration::ZERO);
        oldest.waits(Some(2 * second), 10 * second);
        assert_eq!(oldest.age(10 * second), 2 * second);
        assert_eq!(oldest.age(70 * second), 62 * second);
        oldest.waits(None, 71 * second);
        assert_eq!(oldest.age(72 * second), Duration::ZERO);
    }
}
