//! How many threads there are, decided once: `--threads` for every pool that decodes or computes.
//! Those give way to the threads that answer.

use std::num::NonZero;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::oneshot;

use crate::{metrics::Place, panics};

/// Most threads that answer HTTP: parsing and probing need little, computing needs the cores.
const MOST_IO_THREADS: usize = 2;

/// How much nicer than others a thread is that decodes or computes. Under a CPU limit the kernel
/// stops all threads of a container together; until then those that answer are to go first.
const NICENESS: i32 = 5;

/// Lets the calling thread give way to those that answer. Where the system does not allow it, the
/// thread goes on as it is.
pub fn give_way() {
    // On Linux a niceness belongs to a thread, and none named means the calling one.
    let nicer = rustix::process::getpriority_process(None)
        .and_then(|niceness| rustix::process::setpriority_process(None, niceness + NICENESS));
    if let Err(error) = nicer {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// A pool of `threads` threads that give way, whose names begin with `name`.
///
/// # Errors
/// When the system refuses a thread.
pub fn pool(name: &str, threads: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    let name = name.to_owned();
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(move |i| format!("{name}-{i}"))
        .start_handler(|_| give_way())
        .build()
}

/// Runs `work` on `pool`, after what was given to it before, while the caller waits without holding
/// a thread. Work of a caller who has gone is not begun. None if it panicked, at `place`.
pub async fn run<T: Send + 'static>(
    pool: &ThreadPool,
    place: Place,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, outcome) = oneshot::channel();
    let span = tracing::Span::current();
    #[allow(clippy::disallowed_methods, reason = "no panic leaves the work")]
    pool.spawn(move || {
        if !done.is_closed() {
            // The caller may have gone meanwhile.
            let _ = done.send(span.in_scope(|| panics::catch(place, work)));
        }
    });
    outcome.await.ok()?.ok()
}

/// Threads of the HTTP runtime when `threads` compute.
pub fn io(threads: usize) -> NonZero<usize> {
    NonZero::new(threads.min(MOST_IO_THREADS)).unwrap_or(NonZero::<usize>::MIN)
}
