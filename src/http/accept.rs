//! A listener: takes connections in, no more than it may have, until the ports close, and then
//! waits for those that it has.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

use super::{
    connection::{ConnectionOptions, Connections},
    server::ServeError,
    tls::Tls,
};
use crate::shutdown::{Phase, Shutdown};

/// Connections of the admin listener: a few probes and scrapes, whatever goes on at the API.
pub(super) const ADMIN_CONNECTIONS: u32 = 64;

/// Descriptors for everything but connections: standard streams, listeners, the runtime, files of
/// weights and their download.
const OTHER_DESCRIPTORS: u64 = 64;

/// How long nothing is accepted after the system could not give a connection.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How often the same trouble is told.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A port that is listened on.
pub(super) struct Listener {
    socket: TcpListener,
    /// Its name in the log.
    name: &'static str,
    /// Within which connections are served, if any.
    tls: Option<Tls>,
    /// One permit for each connection that there may be.
    free: Arc<Semaphore>,
    most: u32,
    full: Seldom,
    failed: Seldom,
}

impl Listener {
    /// Listens on `host:port`, which `flag` chose, for `most` connections at the same time; within
    /// TLS, if there is any.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub(super) async fn bind(
        host: &str,
        port: u16,
        flag: &'static str,
        most: u32,
        tls: Option<Tls>,
    ) -> Result<Self, ServeError> {
        let refused = |reason: io::Error| {
            let hint = match reason.kind() {
                io::ErrorKind::AddrInUse => "another process has it: choose another port",
                io::ErrorKind::PermissionDenied => "choose a port of 1024 or more",
                _ => "--host must be an address of this machine, or 0.0.0.0",
            };
            ServeError::Listen { host: host.to_owned(), port, flag, reason, hint }
        };
        let socket = TcpListener::bind((host, port)).await.map_err(refused)?;
        let address = socket.local_addr().map_err(refused)?;
        let name = match flag {
            "--port" => "api",
            "--grpc-port" => "grpc",
            _ => "admin",
        };
        tracing::info!(%address, listener = name, tls = tls.is_some(), "listening");
        let free = Arc::new(Semaphore::new(most as usize));
        let (full, failed) = (Seldom::default(), Seldom::default());
        Ok(Self { socket, name, tls, free, most, full, failed })
    }

    /// Answers by `router` until the ports close, and returns when the last connection has ended.
    pub(super) async fn serve(
        mut self,
        router: Router,
        options: ConnectionOptions,
        shutdown: Shutdown,
    ) {
        let tls = self.tls.take();
        let connections = Arc::new(Connections::new(router, options, tls, shutdown.clone()));
        let begin = |stream: TcpStream, permit: OwnedSemaphorePermit| {
            let connections = Arc::clone(&connections);
            tokio::spawn(async move {
                connections.serve(stream).await;
                drop(permit);
            });
        };
        loop {
            tokio::select! {
                biased;
                () = shutdown.reached(Phase::Closing) => break,
                (stream, permit) = self.next() => begin(stream, permit),
            }
        }
        // Clients whose connection the system has accepted for us take it for a good one.
        if let Ok(socket) = self.socket.into_std() {
            while let Ok(permit) = Arc::clone(&self.free).try_acquire_owned()
                && let Ok((stream, _)) = socket.accept()
                && stream.set_nonblocking(true).is_ok()
                && let Ok(stream) = TcpStream::from_std(stream)
            {
                begin(stream, permit);
            }
        }
        // The semaphore is never closed, so this is the end of all connections and no error.
        let _ = self.free.acquire_many(self.most).await;
    }

    /// The next connection, when there may be one more.
    async fn next(&mut self) -> (TcpStream, OwnedSemaphorePermit) {
        loop {
            if self.free.available_permits() == 0 && self.full.now() {
                tracing::warn!(
                    listener = self.name,
                    connections = self.most,
                    "no more connections: new ones wait until others end"
                );
            }
            let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else {
                // Never closed: this waits for the end of the listener.
                return std::future::pending().await;
            };
            match self.socket.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if self.failed.now() {
                        tracing::warn!(%error, "cannot accept a connection: trying again");
                    }
                    sleep(BACK_OFF).await;
                }
            }
        }
    }
}

/// Whether a client went before it was accepted, which says nothing about the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Says when to tell something that may happen all the time.
#[derive(Debug, Default)]
struct Seldom(Option<Instant>);

impl Seldom {
    fn now(&mut self) -> bool {
        let due = self.0.is_none_or(|last| last.elapsed() >= TOLD_EVERY);
        if due {
            self.0 = Some(Instant::now());
        }
        due
    }
}

/// Raises the process's limit of open files to what `connections` of the API and of gRPC need, where that is
/// allowed, and says so where it is not.
pub(super) fn allow_descriptors(connections: u64) {
    let needed = connections + u64::from(ADMIN_CONNECTIONS) + OTHER_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    // No limit is written as none.
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    if soft >= needed {
        return;
    }
    let allowed = needed.min(hard);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum });
    let open_files = if raised.is_ok() { allowed } else { soft };
    if open_files < needed {
        tracing::warn!(
            open_files,
            needed,
            "fewer files may be open than --max-connections needs: raise the limit (ulimit -n) or \
             lower --max-connections"
        );
    }
}
