//! How many threads there are, decided once: `--threads` for every pool that decodes or computes.

use std::num::NonZero;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Most threads that answer HTTP: parsing and probing need little, computing needs the cores.
const MOST_IO_THREADS: usize = 2;

/// Makes candle cut its matrix products for `threads` threads.
///
/// candle 0.11 reads this variable at each product and otherwise counts the machine's cores in
/// `/proc/cpuinfo`, past the container's CPU limit (`candle-core/src/utils.rs`).
///
/// # Safety
/// Nothing else may read or write the environment meanwhile: call it while the process has one
/// thread.
#[allow(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "candle takes this number from the environment alone"
)]
pub unsafe fn limit_candle(threads: usize) {
    // SAFETY: the caller vouches for the process having one thread.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
}

/// A pool of `threads` threads whose names begin with `name`.
///
/// # Errors
/// When the system refuses a thread.
pub fn pool(name: &'static str, threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |i| format!("{name}-{i}"))
        .build()
}

/// Threads of the HTTP runtime when `threads` compute.
pub fn io(threads: usize) -> NonZero<usize> {
    NonZero::new(threads.min(MOST_IO_THREADS)).unwrap_or(NonZero::<usize>::MIN)
}
