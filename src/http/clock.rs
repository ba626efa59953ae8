//! The time as protocols tell it.

use std::time::{Duration, SystemTime};

/// The time since 1970 began, in UTC without leap seconds. A clock that stands before it is told as 0.
pub(super) fn since_1970() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
