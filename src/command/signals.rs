//! Ctrl-C and SIGTERM while files are embedded: the first asks for a stop, a second ends the process.

use std::{
    io,
    process::{self, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering::SeqCst},
    },
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::files::Stop;

/// What the signals ask for.
#[derive(Debug)]
pub(super) struct Signals {
    /// Asked for by the first of them.
    pub stop: Stop,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The number of the first; 0 before it.
    first: AtomicU8,
    /// Whether the first ends the process.
    at_once: AtomicBool,
}

/// The exit status of a process that a signal has ended, as shells tell it.
fn status(number: u8) -> u8 {
    128 + number
}

impl Signals {
    /// Listens, on a thread of its own, until the process ends.
    ///
    /// # Errors
    /// When the system refuses that.
    pub fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (interrupt, terminate) = {
            let _within = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let (wanted, stop) = Stop::new();
        let shared = Arc::new(Shared::default());
        let told = Arc::clone(&shared);
        let listen = move || {
            runtime.block_on(async {
                let mut signals = (interrupt, terminate);
                let first = next(&mut signals).await;
                told.first.store(first, SeqCst);
                if told.at_once.load(SeqCst) {
                    process::exit(status(first).into());
                }
                wanted.send_replace(true);
                process::exit(status(next(&mut signals).await).into());
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        Ok(Self { stop, shared })
    }

    /// The status to end with, if a signal has come.
    pub fn ended(&self) -> Option<ExitCode> {
        let first = self.shared.first.load(SeqCst);
        (first > 0).then(|| ExitCode::from(status(first)))
    }

    /// From now on a signal ends the process: nothing is left to be finished.
    pub fn end_at_once(&self) {
        self.shared.at_once.store(true, SeqCst);
    }
}

async fn next((interrupt, terminate): &mut (Signal, Signal)) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}
