//! The client: keep-alive connections to one service, and what becomes of a request sent on them.
//!
//! It does what ordinary clients do: a request takes the connection that became idle last, or a new
//! one. If the server has closed an idle connection and nothing of the request was written yet, the
//! request goes out once more on a new connection, and that is counted; nothing else is repeated.

use std::{
    error::Error as _,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::{Request, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{link::Link, payload::Payload};

/// An answer, read to its end.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Whether it says when to come again.
    pub retry_after: bool,
    /// When its last byte was read.
    pub finished: Instant,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Every connection was taken: the request was not sent.
    NotSent,
    /// It was sent, or was to be, and got no whole answer.
    Transport(Kind, String),
}

/// What became of a request without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nobody took the connection.
    Refused,
    /// The connection broke: a reset, or a write that nobody reads.
    Reset,
    /// The connection was closed before the answer was whole.
    Closed,
    /// There was no whole answer in time.
    Timeout,
    /// The answer was no HTTP.
    Malformed,
    /// Anything else; the report has an example of its text.
    Other,
}

impl Kind {
    /// Every kind, in the order of the report.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Reset, Self::Closed, Self::Timeout, Self::Malformed, Self::Other];

    /// Its name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Other => "other",
        }
    }
}

impl Failure {
    fn late(limit: Duration) -> Self {
        Self::Transport(Kind::Timeout, format!("no answer in {} s", limit.as_secs_f64()))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Transport(kind_of(&error), error.to_string())
    }
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
        let kind = match cause {
            Some(cause) => kind_of(cause),
            None if error.is_parse() => Kind::Malformed,
            None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
                Kind::Closed
            }
            None => Kind::Other,
        };
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::Transport(kind, format!("{error}{cause}"))
    }
}

fn kind_of(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Kind::Refused,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Kind::Reset,
        io::ErrorKind::UnexpectedEof => Kind::Closed,
        io::ErrorKind::TimedOut => Kind::Timeout,
        _ => Kind::Other,
    }
}

/// Sends a request over `link` on a connection of its own.
///
/// # Errors
/// When there is no whole answer within `limit`.
pub async fn send_once(
    link: &Link,
    limit: Duration,
    request: Request<Payload>,
) -> Result<Answer, Failure> {
    let exchange = async {
        let mut connection = Connection::open(link, None).await?;
        connection.send(request).await.map_err(|(failure, _)| failure)
    };
    timeout(limit, exchange).await.unwrap_or_else(|_| Err(Failure::late(limit)))
}

/// Keep-alive connections to one service.
#[derive(Debug)]
pub struct Client {
    link: Link,
    limit: Duration,
    most: usize,
    slots: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    opened: AtomicU64,
    reconnects: AtomicU64,
}

impl Client {
    /// A client with at most `most` connections, whose requests take no longer than `limit`.
    pub fn new(link: Link, most: usize, limit: Duration) -> Self {
        Self {
            link,
            limit,
            most,
            slots: Arc::new(Semaphore::new(most)),
            idle: Mutex::default(),
            opened: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
        }
    }

    /// Sends a request on an idle connection or a new one.
    ///
    /// # Errors
    /// When no connection was left, or when there is no whole answer in time.
    pub async fn send(&self, request: Request<Payload>) -> Result<Answer, Failure> {
        let exchange = self.exchange(request);
        let late = || Err(Failure::late(self.limit));
        let (answer, connection) =
            timeout(self.limit, exchange).await.unwrap_or_else(|_| late())?;
        self.keep(connection).await;
        Ok(answer)
    }

    async fn exchange(&self, request: Request<Payload>) -> Result<(Answer, Connection), Failure> {
        let (slot, request) = match self.idle() {
            Some(mut connection) => match connection.send(request).await {
                Ok(answer) => return Ok((answer, connection)),
                Err((_, Some(unsent))) => {
                    self.reconnects.fetch_add(1, Relaxed);
                    (connection.slot.take(), *unsent)
                }
                Err((failure, None)) => return Err(failure),
            },
            None => {
                let slot = Arc::clone(&self.slots).try_acquire_owned();
                (Some(slot.map_err(|_| Failure::NotSent)?), request)
            }
        };
        let mut connection = Connection::open(&self.link, slot).await?;
        self.opened.fetch_add(1, Relaxed);
        let answer = connection.send(request).await.map_err(|(failure, _)| failure)?;
        Ok((answer, connection))
    }

    /// An idle connection that the server has not closed, as far as is known.
    fn idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|connection| !connection.sender.is_closed())
    }

    /// Keeps a connection for the next request, once all of the last one is written: an answer may
    /// come before that.
    async fn keep(&self, mut connection: Connection) {
        if let Ok(Ok(())) = timeout(self.limit, connection.sender.ready()).await {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }

    /// Connections opened so far.
    pub fn opened(&self) -> u64 {
        self.opened.load(Relaxed)
    }

    /// Requests that found their idle connection closed and went out again on a new one.
    pub fn reconnects(&self) -> u64 {
        self.reconnects.load(Relaxed)
    }

    /// Most connections at a time.
    pub fn most(&self) -> usize {
        self.most
    }
}

/// One connection, closed when it is dropped.
#[derive(Debug)]
struct Connection {
    sender: SendRequest<Payload>,
    driver: JoinHandle<()>,
    /// Its place among the connections of a [`Client`].
    slot: Option<OwnedSemaphorePermit>,
}

impl Connection {
    async fn open(link: &Link, slot: Option<OwnedSemaphorePermit>) -> Result<Self, Failure> {
        let stream = link.open().await?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(async move {
            // The request that it concerns is told.
            let _ = connection.await;
        });
        Ok(Self { sender, driver, slot })
    }

    /// The answer; or why there is none, with the request if nothing of it was written.
    async fn send(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Answer, (Failure, Option<Box<Request<Payload>>>)> {
        let answer = self.sender.try_send_request(request).await;
        let answer = answer.map_err(|mut error| {
            let unsent = error.take_message().map(Box::new);
            (error.into_error().into(), unsent)
        })?;
        let (head, mut body) = answer.into_parts();
        while let Some(frame) = body.frame().await {
            frame.map_err(|error| (error.into(), None))?;
        }
        Ok(Answer {
            status: head.status.as_u16(),
            retry_after: head.headers.contains_key(header::RETRY_AFTER),
            finished: Instant::now(),
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
