//! Who may ask: clients that send one of the service's API keys, where it has any.
//!
//! It is decided by the head of a request, before a byte of its body is read and before it takes a
//! place in any queue. [`EXEMPT`] is the one list of routes that need no key.

mod keys;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

pub use keys::{ApiKey, ApiKeys, KeysError};

use super::rejection::Rejection;

/// Routes that need no key to be read (by GET or HEAD), by their templates; `*` at the end stands for whatever follows. They are
/// what an orchestrator and Prometheus ask, and what a browser loads before it can send a key.
pub const EXEMPT: &[&str] = &[
    "/health",
    "/healthz",
    "/startupz",
    "/readyz",
    "/livez",
    "/v1/health/*",
    "/v2/health/*",
    "/metrics",
    "/",
    "/page/*",
    "/docs",
    "/docs/*",
    "/openapi.json",
    "/api-doc/openapi.json",
    "/v1/metrics",
];

/// What an orchestrator asks by gRPC, where all is posted.
const EXEMPT_CALLS: &str = "/grpc.health.v1.Health/";

/// The scheme of RFC 6750, in which a key is sent.
const SCHEME: &str = "bearer";

/// Why a request may not be answered. No message holds a part of what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthorized {
    /// It has no key.
    #[error("This service wants an API key: send it in the header `Authorization: Bearer KEY`")]
    Missing,
    /// It has something else in the header.
    #[error(
        "The header Authorization holds no API key that can be read: send it once, as \
         `Authorization: Bearer KEY`"
    )]
    Malformed,
    /// Its key is none of the service's.
    #[error(
        "The API key in the header Authorization is not one of this service's, or no longer; ask \
         its operator for one"
    )]
    Unknown,
}

impl ApiKeys {
    /// Whether a request with these headers, or metadata of gRPC, has one of the keys.
    pub fn authorized(&self, headers: &HeaderMap) -> bool {
        self.check(headers).is_ok()
    }

    /// The same, with the reason where it has none.
    ///
    /// # Errors
    /// [`Unauthorized`].
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Unauthorized> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or(Unauthorized::Missing)?;
        let only = values.next().is_none().then_some(value.as_bytes());
        let key = only.and_then(key).ok_or(Unauthorized::Malformed)?;
        if self.has(key) { Ok(()) } else { Err(Unauthorized::Unknown) }
    }
}

/// The key in the header's value, whose scheme may be written in any case.
fn key(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(SCHEME.len())?;
    let key = rest.strip_prefix(b" ")?.trim_ascii();
    let is_key = scheme.eq_ignore_ascii_case(SCHEME.as_bytes()) && !key.is_empty();
    is_key.then_some(key)
}

/// Whether the route with this template needs no key.
pub fn is_exempt(route: &str) -> bool {
    EXEMPT.iter().any(|exempt| match exempt.strip_suffix('*') {
        Some(beginning) => route.starts_with(beginning),
        None => route == *exempt,
    })
}

/// Wraps every request of a listener that has keys. What no route matches needs one, too: it tells
/// nothing about which routes there are.
pub(super) async fn authorize(
    State(keys): State<ApiKeys>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection> {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // What is read without a key may lie where something else is done: `/` also embeds.
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let is_open = |route: &str| reads && is_exempt(route) || route.starts_with(EXEMPT_CALLS);
    if !route.is_some_and(is_open) {
        keys.check(request.headers()).map_err(Rejection::Unauthorized)?;
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let named = |value: &&str| (header::AUTHORIZATION, value.parse().unwrap());
        values.iter().map(named).collect()
    }

    #[test]
    fn a_key_is_sent_as_a_bearer_token() {
        let keys = ApiKeys::load(ApiKey::parse("the-key").ok(), None).unwrap().unwrap();
        for (values, expected) in [
            (&["Bearer the-key"][..], Ok(())),
            (&["bearer the-key"], Ok(())),
            (&["BEARER   the-key "], Ok(())),
            (&[], Err(Unauthorized::Missing)),
            (&[""], Err(Unauthorized::Malformed)),
            (&["the-key"], Err(Unauthorized::Malformed)),
            (&["Bearer"], Err(Unauthorized::Malformed)),
            (&["Bearer "], Err(Unauthorized::Malformed)),
            (&["Bearer\tthe-key"], Err(Unauthorized::Malformed)),
            (&["Basic dGhlLWtleQ=="], Err(Unauthorized::Malformed)),
            (&["Bearer the-key", "Bearer the-key"], Err(Unauthorized::Malformed)),
            (&["Bearer the-kez"], Err(Unauthorized::Unknown)),
            (&["Bearer the-key,"], Err(Unauthorized::Unknown)),
        ] {
            let headers = headers(values);
            assert_eq!(keys.check(&headers), expected, "{values:?}");
            assert_eq!(keys.authorized(&headers), expected.is_ok(), "{values:?}");
        }
    }

    #[test]
    fn routes_are_exempt_as_a_whole_or_by_their_beginning() {
        for route in ["/", "/health", "/docs", "/docs/", "/docs/{file}", "/v2/health/live"] {
            assert!(is_exempt(route), "{route}");
        }
        for route in ["", "/embed", "/healthy", "/docsx", "/v2/models", "/model-info", "/page"] {
            assert!(!is_exempt(route), "{route}");
        }
    }
}
