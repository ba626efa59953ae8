//! What is noted of every request: its id, taken or made and sent back, one line in the log, and
//! its metrics.

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing::Instrument;
use uuid::Uuid;

use super::rejection::Code;
use crate::metrics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a client; a longer one is replaced.
const LONGEST_ID: usize = 128;

/// Route of a request that none matches: paths themselves would make labels without end.
const NO_ROUTE: &str = "none";

/// Wraps every request.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let noted = metrics::Request::begin(method, route);
    let span = tracing::error_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id);
    let status = response.status();
    let code = response.extensions().get::<Code>().map(|code| code.0);
    let milliseconds = noted.elapsed().as_millis() as u64;
    span.in_scope(|| {
        let status = status.as_u16();
        // A client's mistake is no error of the service.
        if status >= 500 && status != 503 {
            tracing::error!(method, route, status, code, milliseconds, "request failed");
        } else {
            tracing::debug!(method, route, status, code, milliseconds, "request");
        }
    });
    noted.answered(status.as_u16());
    response
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
