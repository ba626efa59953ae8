//! Why a request is not let in, and when it is worth to come again.

use std::time::Duration;

/// Why a request is not served now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It would have waited longer than the timeout, so it did not have to wait at all.
    #[error(
        "the service is busy: about {} s of work wait already, too much to begin within {} s \
         (--queue-timeout); try again after the seconds of Retry-After",
        wait.as_secs(), timeout.as_secs_f32()
    )]
    Hopeless {
        /// How long it would have waited.
        wait: Duration,
        /// How long it may.
        timeout: Duration,
    },
    /// It waited for its turn in vain.
    #[error(
        "the service is busy: no work on the request began within {} s (--queue-timeout); try \
         again after the seconds of Retry-After",
        timeout.as_secs_f32()
    )]
    Late {
        /// How long it waited.
        timeout: Duration,
    },
    /// It waited for memory in vain.
    #[error(
        "the service is busy: the memory for the request was not free within {} s \
         (--queue-timeout, --memory-limit); try again after the seconds of Retry-After",
        timeout.as_secs_f32()
    )]
    NoMemory {
        /// How long it waited.
        timeout: Duration,
    },
}

impl Refusal {
    /// A stable label for metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Hopeless { .. } => "hopeless",
            Self::Late { .. } => "queue_timeout",
            Self::NoMemory { .. } => "memory",
        }
    }

    /// Seconds after which it is worth to try again: when the queue is short enough, at least 1.
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Hopeless { wait, timeout } => {
                wait.saturating_sub(timeout.mul_f64(HOPE)).as_secs().clamp(1, LONGEST_RETRY)
            }
            Self::Late { .. } | Self::NoMemory { .. } => 1,
        }
    }
}

/// Of the time that a request may wait, the part that it may be expected to wait. Batches take longer
/// or shorter than those before; with the rest as slack hardly anybody waits in vain.
pub(super) const HOPE: f64 = 0.75;

/// More than this, in seconds, would only be a guess.
const LONGEST_RETRY: u64 = 60;
