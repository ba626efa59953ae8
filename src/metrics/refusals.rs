//! Requests refused without being computed, by reason. The counts lie in plain atomics: refusing
//! must cost next to nothing, and the log tells them too ([`crate::telemetry::shedding`]).

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::counter;

use super::{REFUSALS, family};

static REFUSED: [AtomicU64; REFUSALS.len()] = [const { AtomicU64::new(0) }; REFUSALS.len()];

/// A request is refused without being computed, for one of the reasons of [`REFUSALS`]; another
/// reason than these counts for nothing.
pub fn refused(reason: &'static str) {
    let known = REFUSALS.iter().position(|known| *known == reason);
    debug_assert!(known.is_some(), "{reason} is not in REFUSALS");
    if let Some(known) = known {
        REFUSED[known].fetch_add(1, Ordering::Relaxed);
    }
}

/// How many were refused so far, in the order of [`REFUSALS`].
pub fn refusals() -> [u64; REFUSALS.len()] {
    std::array::from_fn(|reason| REFUSED[reason].load(Ordering::Relaxed))
}

/// Hands the counts to the recorder.
pub(super) fn publish() {
    for (reason, count) in REFUSALS.into_iter().zip(refusals()) {
        counter!(family::REFUSALS, "reason" => reason).absolute(count);
    }
}
