//! Memory that is reserved for requests, and how much there is of it.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::gauge;

use super::{Pool, family};

static RESERVED: [AtomicU64; Pool::ALL.len()] = [const { AtomicU64::new(0) }; Pool::ALL.len()];
static LIMIT: [AtomicU64; Pool::ALL.len()] = [const { AtomicU64::new(0) }; Pool::ALL.len()];

/// `bytes` more of `pool` may be reserved.
pub fn reservable(pool: Pool, bytes: u64) {
    LIMIT[pool as usize].fetch_add(bytes, Ordering::Relaxed);
}

/// `bytes` of `pool` may not be reserved any more.
pub fn unreservable(pool: Pool, bytes: u64) {
    LIMIT[pool as usize].fetch_sub(bytes, Ordering::Relaxed);
}

/// `bytes` of `pool` are reserved.
pub fn reserve(pool: Pool, bytes: u64) {
    RESERVED[pool as usize].fetch_add(bytes, Ordering::Relaxed);
}

/// They are given back.
pub fn release(pool: Pool, bytes: u64) {
    RESERVED[pool as usize].fetch_sub(bytes, Ordering::Relaxed);
}

/// Hands both to the recorder.
pub(super) fn publish() {
    for pool in Pool::ALL {
        let of = |bytes: &[AtomicU64]| bytes[pool as usize].load(Ordering::Relaxed) as f64;
        gauge!(family::RESERVED, "pool" => pool.label()).set(of(&RESERVED));
        gauge!(family::RESERVABLE, "pool" => pool.label()).set(of(&LIMIT));
    }
}
