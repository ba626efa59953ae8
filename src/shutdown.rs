//! When to stop, and how far the stop has come. SIGTERM (Kubernetes) and Ctrl-C begin it; a second
//! one ends the process at once.
//!
//! The phases are [`Phase`]'s, each for everybody who holds a clone of [`Shutdown`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    time::sleep,
};

/// Exit status of a process that a second signal ended: work may have been cut off.
const INTERRUPTED: i32 = 1;

/// How far the stop has come, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No stop.
    Running,
    /// Everything is served, but clients are told to go elsewhere: those who send new ones learn
    /// late that the service stops.
    Draining,
    /// New connections are refused, and those without a request closed.
    Closing,
    /// What still runs is cut off.
    Expired,
}

/// How long the phases last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainOptions {
    /// Of [`Phase::Draining`]: `--drain-delay`.
    pub delay: Duration,
    /// Of [`Phase::Closing`], at most: `--drain-timeout`.
    pub timeout: Duration,
}

/// The stop, as everybody may ask for it and wait for it. Clones share it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    phase: watch::Receiver<Phase>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Requests whose head was read and whose answer is not wholly handed over.
    requests: AtomicUsize,
    /// How many of them there were when the time was up.
    cut_off: AtomicUsize,
}

/// Counts a request while it lives.
#[derive(Debug)]
pub struct Unanswered(Arc<Counts>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, SeqCst);
    }
}

impl Shutdown {
    /// Listens for signals from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn on_signals(options: DrainOptions) -> std::io::Result<Self> {
        let mut signals = Signals::new()?;
        let (phase, shutdown) = Self::new();
        let counts = Arc::clone(&shutdown.counts);
        tokio::spawn(async move {
            let signal = signals.next().await;
            // Told when it holds: who reads the line may look.
            phase.send_replace(Phase::Draining);
            tracing::info!(signal, "stopping: running requests are finished first");
            let phases = async {
                sleep(options.delay).await;
                let requests = counts.requests.load(SeqCst);
                phase.send_replace(Phase::Closing);
                tracing::info!(requests, "closing the ports");
                sleep(options.timeout).await;
                counts.cut_off.store(counts.requests.load(SeqCst), SeqCst);
                phase.send_replace(Phase::Expired);
                std::future::pending::<()>().await;
            };
            let second = signals.next();
            tokio::select! {
                () = phases => {}
                signal = second => {
                    let requests = counts.requests.load(SeqCst);
                    tracing::warn!(signal, requests, "stopping at once");
                    std::process::exit(INTERRUPTED);
                }
            }
        });
        Ok(shutdown)
    }

    /// A stop that the sender leads.
    pub(crate) fn new() -> (watch::Sender<Phase>, Self) {
        let (sender, phase) = watch::channel(Phase::Running);
        (sender, Self { phase, counts: Arc::default() })
    }

    /// Whether a stop has begun, in whatever phase it is.
    pub fn draining(&self) -> bool {
        *self.phase.borrow() >= Phase::Draining
    }

    /// Returns when `phase`, or a later one, has come; never if that never happens.
    pub async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.clone();
        if phases.wait_for(|now| *now >= phase).await.is_err() {
            // The sender has ended with the runtime: nobody is left to say it.
            std::future::pending::<()>().await;
        }
    }

    /// Returns when what still runs is to be cut off.
    pub async fn expired(&self) {
        self.reached(Phase::Expired).await;
    }

    /// A request has come; it counts until the guard is dropped.
    pub fn request(&self) -> Unanswered {
        self.counts.requests.fetch_add(1, SeqCst);
        Unanswered(Arc::clone(&self.counts))
    }

    /// How many requests were cut off; 0 before [`Phase::Expired`].
    pub fn cut_off(&self) -> usize {
        self.counts.cut_off.load(SeqCst)
    }
}

/// The signals that ask for a stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
