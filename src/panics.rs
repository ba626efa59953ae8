//! Panics: where they stop, and the one line of the log that each of them gets.
//!
//! [`catch`] stops a panic and counts it; the hook of [`log_them`] logs it, beside the id of the
//! request that was being worked on. A panic that nobody here catches is counted by the hook.

use std::{
    any::Any,
    cell::Cell,
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::metrics::{self, Place};

/// Who waits for a panic.
#[derive(Clone, Copy)]
enum Watch {
    /// Nobody here.
    Nobody,
    /// [`catch`], which counts it.
    Counted,
    /// [`tolerate`], for which it is nothing out of the ordinary.
    Tolerated,
}

thread_local! {
    /// Who waits for a panic of what runs on this thread.
    static WATCH: Cell<Watch> = const { Cell::new(Watch::Nobody) };
}

/// A panic that was caught, counted and logged. Its text is what the panic said.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Panic(String);

/// Does `work`, whose panic ends here: it is counted as one at `place`. What `work` was changing may
/// be half changed after it; the caller sees to it that nobody uses that.
///
/// # Errors
/// [`Panic`], when `work` panicked.
pub fn catch<T>(place: Place, work: impl FnOnce() -> T) -> Result<T, Panic> {
    watch(Watch::Counted, work).map_err(|panic| {
        metrics::panicked(place);
        Panic(message(&*panic).to_owned())
    })
}

/// Does `work` that panics where others return an error, as libraries of GPUs do on a machine that
/// has none. None if it did, of which nothing is told.
pub fn tolerate<T>(work: impl FnOnce() -> T) -> Option<T> {
    watch(Watch::Tolerated, work).ok()
}

fn watch<T>(by: Watch, work: impl FnOnce() -> T) -> std::thread::Result<T> {
    let outer = WATCH.replace(by);
    let done = catch_unwind(AssertUnwindSafe(work));
    WATCH.set(outer);
    done
}

/// As [`catch`], for a future.
///
/// # Errors
/// [`Panic`], when the future panicked.
pub async fn catch_async<F: Future>(place: Place, future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match catch(place, || future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Makes each panic one line of the log instead of the standard library's own output.
pub fn log_them() {
    std::panic::set_hook(Box::new(|panic| {
        match WATCH.get() {
            Watch::Tolerated => return,
            // What panics on a worker of a pool goes on in whoever waits for the pool.
            Watch::Nobody if rayon::current_thread_index().is_none() => {
                metrics::panicked(Place::Other);
            }
            Watch::Nobody | Watch::Counted => {}
        }
        log(panic);
    }));
}

/// Most characters of a message that are logged: a message may quote what was worked on.
const LONGEST: usize = 300;

fn log(panic: &PanicHookInfo<'_>) {
    let said: String = message(panic.payload()).chars().take(LONGEST).collect();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let location = panic.location().map(ToString::to_string);
    tracing::error!(panic = said, location, thread, "panicked; please report it");
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_future_that_panics_ends_there() {
        let good = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(catch_async(Place::Other, good).await.ok(), Some(7));
        let bad = async {
            tokio::task::yield_now().await;
            panic!("this is a {}", "test");
        };
        let panic: Result<(), Panic> = catch_async(Place::Other, bad).await;
        assert_eq!(panic.map_err(|panic| panic.to_string()), Err("this is a test".to_owned()));
        assert!(matches!(WATCH.get(), Watch::Nobody));
    }
}
