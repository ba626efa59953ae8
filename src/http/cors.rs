//! Pages of other origins that may read the answers in a browser (CORS): none unless
//! `--cors-origins` names them. Browsers ask first, by an OPTIONS request, which is answered here and
//! needs no key.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may remember the answer, at most: two hours are the most that Chromium does.
const REMEMBERED: Duration = Duration::from_secs(7200);

/// Headers of answers that a page may read, beside those that any may.
const EXPOSED: [HeaderName; 7] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("server-timing"),
    HeaderName::from_static("retry-after"),
    HeaderName::from_static("inference-header-content-length"),
    HeaderName::from_static("x-embedding-shape"),
    HeaderName::from_static("x-embedding-dtype"),
    HeaderName::from_static("x-failed"),
];

/// The origins whose pages may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All.
    Any,
    /// These.
    These(Vec<HeaderValue>),
}

impl Origins {
    /// Reads a list with commas, or `*`; none is none.
    ///
    /// # Errors
    /// What is wrong with the first that is no origin.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let origins: Vec<&str> = text.split(',').map(str::trim).collect();
        match origins[..] {
            [""] => Ok(None),
            ["*"] => Ok(Some(Self::Any)),
            _ if origins.contains(&"*") => {
                Err("* stands for all origins: use it alone, or leave it out".to_owned())
            }
            _ => {
                let these = origins.into_iter().map(origin).collect::<Result<_, _>>()?;
                Ok(Some(Self::These(these)))
            }
        }
    }

    /// What wraps the routes.
    pub(super) fn layer(&self) -> CorsLayer {
        let origins = match self {
            Self::Any => AllowOrigin::any(),
            Self::These(origins) => AllowOrigin::list(origins.iter().cloned()),
        };
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST])
            // Clients' libraries add headers of their own, and none gives a page a right: a browser
            // sends no cookies and no passwords of its own without `allow_credentials`.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(EXPOSED)
            .max_age(REMEMBERED)
    }
}

/// An origin as browsers write it: a scheme, a host and a port that is not the scheme's own.
fn origin(text: &str) -> Result<HeaderValue, String> {
    let form = || {
        format!(
            "{text:?} is no origin: use * or origins like https://app.example or \
             http://localhost:3000, with commas between them"
        )
    };
    let lower = text.to_ascii_lowercase();
    let (scheme, authority) = lower.split_once("://").ok_or_else(form)?;
    if authority.contains(['/', '?', '#']) {
        return Err(format!(
            "{text:?} is an address, not an origin: leave out what follows the host"
        ));
    }
    let uri: Uri = lower.parse().map_err(|_| form())?;
    let is_host = |host: &str| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        !host.is_empty() && (host.starts_with('[') || host.chars().all(is_name))
    };
    let named = uri.authority().filter(|named| !named.as_str().contains('@'));
    let named = named.filter(|named| is_host(named.host())).ok_or_else(form)?;
    let port = named.as_str()[named.host().len()..].strip_prefix(':');
    match (scheme, port) {
        ("http", Some("80")) | ("https", Some("443")) => {
            Err(format!("{text:?}: browsers leave out the port of {scheme}, so leave it out here"))
        }
        (_, Some(port)) if port.parse::<u16>().is_err() => Err(form()),
        _ => HeaderValue::try_from(lower).map_err(|_| form()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        let these = |origins: &[&'static str]| {
            Some(Origins::These(
                origins.iter().map(|text| HeaderValue::from_static(text)).collect(),
            ))
        };
        for (text, expected) in [
            ("", None),
            ("*", Some(Origins::Any)),
            ("https://app.example", these(&["https://app.example"])),
            (
                "http://localhost:3000, HTTPS://App.Example",
                these(&["http://localhost:3000", "https://app.example"]),
            ),
            ("http://[::1]:8080", these(&["http://[::1]:8080"])),
            ("chrome-extension://abcdef", these(&["chrome-extension://abcdef"])),
        ] {
            assert_eq!(Origins::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_with_what_would_be_right() {
        for (text, part) in [
            ("app.example", "is no origin"),
            ("https://app.example/", "leave out what follows"),
            ("https://app.example/path", "leave out what follows"),
            ("https://", "is no origin"),
            ("https://user@app.example", "is no origin"),
            ("https://*.example", "is no origin"),
            ("https://app.example:443", "leave out the port"),
            ("http://app.example:99999", "is no origin"),
            ("null", "is no origin"),
            ("https://a.example,", "is no origin"),
            ("*, https://a.example", "use it alone"),
        ] {
            let message = Origins::parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
