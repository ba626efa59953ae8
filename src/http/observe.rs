//! What is noted of every request: its id, taken or made and sent back, one line in the log, and
//! its metrics.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::rejection::Problem;
use crate::{metrics, telemetry::traces::Trace};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a client; a longer one is replaced.
const LONGEST_ID: usize = 128;

/// Route of a request that none matches: paths themselves would make labels without end.
const NO_ROUTE: &str = "none";

/// Status of a request whose client left before its answer, in traces: nginx's number for it.
const CLIENT_LEFT: u16 = 499;

/// Wraps every request.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let method = method(request.method());
    let trace = Trace::begin(method, route, request.headers());
    let span = tracing::error_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        trace_id = trace.id()
    );
    request.extensions_mut().insert(trace.clone());
    let observed = Observed::begin(method, route, span.clone(), trace);
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    observed.end(&response);
    response
}

/// One request, from its head to its answer's. Dropped before, its client has left.
struct Observed<'a> {
    method: &'static str,
    route: &'a str,
    span: Span,
    trace: Trace,
    counted: Option<metrics::Request<'a>>,
}

impl<'a> Observed<'a> {
    fn begin(method: &'static str, route: &'a str, span: Span, trace: Trace) -> Self {
        let counted = Some(metrics::Request::begin(method, route));
        Self { method, route, span, trace, counted }
    }

    fn end(mut self, response: &Response) {
        let Some(counted) = self.counted.take() else { return };
        let Self { method, route, .. } = self;
        let status = response.status();
        let code = response.extensions().get::<Problem>().map(|problem| problem.code);
        let milliseconds = counted.elapsed().as_millis() as u64;
        counted.answered(status.as_u16());
        self.trace.end(status.as_u16(), code);
        let _entered = self.span.enter();
        // A client's mistake is no error of the service, nor is a refusal, which `shedding` tells.
        if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
            let status = status.as_u16();
            tracing::error!(method, route, status, code, milliseconds, "request failed");
        } else {
            let status = status.as_u16();
            tracing::debug!(method, route, status, code, milliseconds, "request");
        }
    }
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.take() {
            let Self { method, route, .. } = *self;
            let milliseconds = counted.elapsed().as_millis() as u64;
            // Counted before it is told, as an answer is: who reads the line may look at the counter.
            drop(counted);
            self.trace.end(CLIENT_LEFT, Some("client_left"));
            let _entered = self.span.enter();
            tracing::debug!(method, route, milliseconds, "the client left");
        }
    }
}

/// The client's id if it is short and printable, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|id| {
        let printable = id.as_bytes().iter().all(u8::is_ascii_graphic);
        printable && (1..=LONGEST_ID).contains(&id.len())
    });
    given.cloned().unwrap_or_else(|| {
        let id = Uuid::new_v4().to_string();
        HeaderValue::from_str(&id).expect("a UUID is ASCII")
    })
}

/// The method as a label: clients may invent others.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
