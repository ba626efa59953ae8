//! When to stop: SIGTERM (Kubernetes) and Ctrl-C finish what runs; a second one ends at once.

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Exit status of a process that a second signal ended: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

/// Tells everybody who holds a clone when the service is to stop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Listens for signals from now on.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn on_signals() -> std::io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            let mut any = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let signal = any().await;
            tracing::info!(signal, "stopping: running requests are finished first");
            stop.send_replace(true);
            let signal = any().await;
            tracing::warn!(signal, "stopping at once");
            std::process::exit(INTERRUPTED);
        });
        Ok(Self(stopped))
    }

    /// Returns when the service is to stop.
    pub async fn requested(mut self) {
        // The sender's end means the same: nobody is left to say it.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
