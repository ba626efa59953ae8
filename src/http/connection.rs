//! One connection's life: HTTP/1.1 or HTTP/2 by hyper, in clear or within TLS, and a limit to
//! everything for which a client can make it wait.

mod activity;
mod answer;
mod handshake;
mod watched;

use std::{convert::Infallible, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Response, Version, header},
};
use hyper::{
    body::Incoming,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep, sleep_until},
};

use tokio_rustls::server::TlsStream;

use activity::Activity;
pub(super) use activity::Exchange;
use answer::Answer;
use handshake::HandshakeError;
use watched::{Heard, Taken};

use super::{body::Upload, tls::Tls};
use crate::shutdown::{Phase, Shutdown};

/// Largest head of a request, in bytes, and most that is read ahead over HTTP/1. Heads of real
/// clients have less than 1 KiB, or a few with cookies or long tokens.
const MAX_HEAD: usize = 32 << 10;

/// Most header fields of a request over HTTP/1; over HTTP/2 [`MAX_HEAD`] bounds them, each with
/// 32 bytes more than it has (RFC 9113, section 6.5.2).
const MAX_FIELDS: usize = 64;

/// Most requests at once over one connection of HTTP/2.
const STREAMS: u32 = 100;

/// Most bytes that a client may send ahead of what is read of one request over HTTP/2, and that are
/// kept for it of an answer.
const STREAM_WINDOW: u32 = 64 << 10;

/// Most bytes that a client may send ahead over one connection of HTTP/2: no more than for one of
/// its requests, since each connection's part of the memory is counted (`config::memory`).
const CONNECTION_WINDOW: u32 = STREAM_WINDOW;

/// Connections to the port of gRPC, each of which carries many requests side by side.
pub const GRPC_CONNECTIONS: u32 = 256;

/// How often the other side of HTTP/2 is asked whether it is still there.
const PING: Duration = Duration::from_secs(20);

/// How long it may take to say so.
const PONG: Duration = Duration::from_secs(10);

/// How long a connection is still read after the ports were closed, for requests that were on
/// their way.
const LAST_CALL: Duration = Duration::from_millis(100);

/// How long handshakes may go on after the ports were closed: the same requests come after them.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// Says that the connection ends after this answer.
pub(super) const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// How long clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// For the head of a request, from its first byte; for the first one from the connection's
    /// beginning, with the handshake of TLS: `--header-timeout`.
    pub header_timeout: Duration,
    /// Between two requests: `--keep-alive`.
    pub keep_alive: Duration,
    /// After it, an answer says that the client should connect anew; zero means never:
    /// `--max-connection-age`.
    pub max_age: Duration,
    /// For each `--body-timeout`'s share of the body of a request ([`super::body`]).
    pub body_timeout: Duration,
}

/// What connections of one listener have in common.
pub(super) struct Connections {
    http: auto::Builder<TokioExecutor>,
    router: TowerToHyperService<Router>,
    options: ConnectionOptions,
    tls: Option<Tls>,
    shutdown: Shutdown,
}

impl Connections {
    /// Connections whose requests `router` answers, within TLS if there is any.
    pub(super) fn new(
        router: Router,
        options: ConnectionOptions,
        tls: Option<Tls>,
        shutdown: Shutdown,
    ) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // hyper's limit begins with the wait for a head and would end idle connections with it;
        // `Activity` tells the two apart.
        http.http1().header_read_timeout(None).max_headers(MAX_FIELDS).max_buf_size(MAX_HEAD);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD as u32)
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(STREAM_WINDOW as usize)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG);
        Self { http, router: TowerToHyperService::new(router), options, tls, shutdown }
    }

    /// Answers what comes over `socket` until one of the two sides has enough of it.
    pub(super) async fn serve(&self, socket: TcpStream) {
        // Small answers must not wait for the acknowledgement of earlier ones.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let activity = Activity::new(self.options);
        match &self.tls {
            None => {
                let stream = Taken { stream: socket, activity: Arc::clone(&activity) };
                self.lead(stream, &activity).await;
            }
            // Boxed, so that connections in clear do not carry its size.
            Some(tls) => Box::pin(self.serve_within(tls, socket, &activity)).await,
        }
    }

    /// The same, within TLS.
    async fn serve_within(&self, tls: &Tls, socket: TcpStream, activity: &Arc<Activity>) {
        match self.encrypt(tls, socket, activity).await {
            Ok(stream) => self.lead(stream, activity).await,
            Err(error) => tracing::debug!(%error, "no connection over TLS"),
        }
    }

    /// The stream within TLS, if the client gets there before its time or the service's is over.
    async fn encrypt(
        &self,
        tls: &Tls,
        socket: TcpStream,
        activity: &Arc<Activity>,
    ) -> Result<TlsStream<Taken<TcpStream>>, HandshakeError> {
        let closed = async {
            self.shutdown.reached(Phase::Closing).await;
            sleep(LAST_HANDSHAKES).await;
        };
        tokio::select! {
            stream = handshake::encrypt(tls, socket, activity, activity.first_head()) => stream,
            () = closed => Err(HandshakeError::Late),
        }
    }

    /// Answers requests over `stream`.
    async fn lead<S>(&self, stream: S, activity: &Arc<Activity>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let answer = service_fn(|request| self.answer(request, activity));
        let io = TokioIo::new(Heard { stream, activity: Arc::clone(activity) });
        let mut connection = pin!(self.http.serve_connection(io, answer));
        let mut closing = pin!(async {
            self.shutdown.reached(Phase::Closing).await;
            sleep(LAST_CALL).await;
        });
        let mut timer = pin!(sleep_until(Instant::now()));
        let mut told = None;
        let life = poll_fn(|context| {
            loop {
                if let Poll::Ready(end) = connection.as_mut().poll(context) {
                    return Poll::Ready(end);
                }
                activity.watched_by(context.waker());
                let tell = told.is_none()
                    && (activity.leaving() || closing.as_mut().poll(context).is_ready());
                let due = activity.deadline(told);
                let is_due = due.is_some_and(|due| {
                    if timer.deadline() != due.at {
                        timer.as_mut().reset(due.at);
                    }
                    timer.as_mut().poll(context).is_ready()
                });
                match due {
                    Some(due) if is_due && !(due.idle && told.is_none()) => {
                        return Poll::Ready(Ok(()));
                    }
                    _ if tell || is_due => {
                        connection.as_mut().graceful_shutdown();
                        told = Some(Instant::now());
                    }
                    _ => return Poll::Pending,
                }
            }
        });
        if let Err(error) = life.await {
            tracing::debug!(%error, "a connection broke off");
        }
    }

    /// Leads one request to its handler, and its answer back.
    fn answer(
        &self,
        request: Request<Incoming>,
        activity: &Arc<Activity>,
    ) -> impl Future<Output = Result<Response<Answer>, Infallible>> + use<> {
        let (exchange, unanswered) = (Exchange::begin(activity), self.shutdown.request());
        let streams = request.version() == Version::HTTP_2;
        let (shutdown, connection) = (self.shutdown.clone(), Arc::clone(activity));
        let is_over = move || shutdown.draining() || connection.is_old();
        if streams && is_over() {
            activity.leave();
        }
        let (head, body) = request.into_parts();
        let body = Upload::new(&head, body, self.options.body_timeout, Arc::clone(&exchange));
        let answering = self.router.call(Request::from_parts(head, Body::new(body)));
        async move {
            let mut response = answering.await?;
            if streams {
                // HTTP/2 has frames for what this field says (RFC 9113, section 8.2.2).
                response.headers_mut().remove(header::CONNECTION);
            } else if is_over() {
                response.headers_mut().insert(header::CONNECTION, CLOSE);
            }
            Ok(response.map(|body| Answer::new(body, streams, exchange.answer(), unanswered)))
        }
    }
}
