//! The least rate at which a body must come, so that nobody holds a connection by a byte a second.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// Bytes that must come in a second, on average over `--body-timeout`. A modem of 1995 sends three
/// times as many.
const LEAST_RATE: u64 = 1 << 10;

/// A body that came too slowly.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("fewer than {least} bytes came in {window:?}")]
pub(super) struct TooSlow {
    /// Bytes that should have come.
    pub(super) least: u64,
    /// In this time: `--body-timeout`.
    pub(super) window: Duration,
}

/// Measures a body: in each window of time that was spent waiting for it, so many bytes must have
/// come. Time in which nobody asked for more does not count.
#[derive(Debug)]
pub(super) struct Pace {
    window: Duration,
    /// Bytes of the current window.
    came: u64,
    /// What is left of the current window.
    left: Duration,
    /// Since when the client is waited for.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, came: 0, left: window, since: None, timer: None }
    }

    fn least(&self) -> u64 {
        // Rounded up, so that something must come however short the window is.
        (LEAST_RATE as u128 * self.window.as_millis()).div_ceil(1000) as u64
    }

    /// So many bytes came, of which there may be none in the last frame.
    pub(super) fn came(&mut self, bytes: usize) {
        self.came += bytes as u64;
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        if self.came >= self.least() {
            (self.came, self.left) = (0, self.window);
        }
    }

    /// Ready when nothing came and that has lasted too long.
    pub(super) fn poll_slow(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        if self.since.is_none() {
            let now = Instant::now();
            self.since = Some(now);
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(now + self.left),
                None => self.timer = Some(Box::pin(sleep(self.left))),
            }
        }
        let slow = TooSlow { least: self.least(), window: self.window };
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(context).map(|()| slow),
            None => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    /// When a body is refused of which `bytes` come every `interval`; `None` within an hour.
    async fn refused(bytes: usize, interval: Duration) -> Option<Duration> {
        let (mut pace, start) = (Pace::new(WINDOW), Instant::now());
        while start.elapsed() < Duration::from_secs(3600) {
            tokio::select! {
                biased;
                _ = poll_fn(|context| pace.poll_slow(context)) => return Some(start.elapsed()),
                () = sleep(interval) => {}
            }
            pace.came(bytes);
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn a_kibibyte_a_second_is_enough_and_less_is_not() {
        let second = Duration::from_secs(1);
        assert_eq!(refused(1024, second * 99 / 100).await, None);
        assert_eq!(refused(20_000, second * 9).await, None);
        for (bytes, interval) in [(1, second), (1000, second), (1 << 20, second * 11)] {
            let refused = refused(bytes, interval).await.unwrap();
            assert!((WINDOW..WINDOW + second / 10).contains(&refused), "{bytes}: {refused:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_asks_does_not_count() {
        let mut pace = Pace::new(WINDOW);
        for _ in 0..9 {
            let wait = tokio::time::timeout(
                Duration::from_secs(1),
                poll_fn(|context| pace.poll_slow(context)),
            );
            assert!(wait.await.is_err());
            pace.came(1);
            sleep(WINDOW * 2).await;
        }
    }
}
