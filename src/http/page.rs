//! `/`: a page for people, whose files are part of the binary and load nothing from elsewhere.
//!
//! It speaks to the routes that every client uses and adds none of its own. Its policy allows no
//! script, style or connection but this service's (W3C Content Security Policy 3, Trusted Types),
//! and no other site may frame it. `--page off` leaves it out.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use axum::{
    Router,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest, Sha256};

use super::{App, rejection::Rejection};

/// Scripts and styles from here alone, none of them in the page's text; images also from the photos
/// that were dropped (`blob:`).
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
     img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types page";

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The page's files: name, content type, text. The page itself is at `/`, the others are below
/// `/page/`.
const FILES: [(&str, &str, &str); 25] = [
    ("", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("base.css", STYLE, include_str!("page/base.css")),
    ("page.css", STYLE, include_str!("page/page.css")),
    ("photos.css", STYLE, include_str!("page/photos.css")),
    ("tools.css", STYLE, include_str!("page/tools.css")),
    ("cards.js", SCRIPT, include_str!("page/cards.js")),
    ("dom.js", SCRIPT, include_str!("page/dom.js")),
    ("export.js", SCRIPT, include_str!("page/export.js")),
    ("files.js", SCRIPT, include_str!("page/files.js")),
    ("groups.js", SCRIPT, include_str!("page/groups.js")),
    ("intake.js", SCRIPT, include_str!("page/intake.js")),
    ("library.js", SCRIPT, include_str!("page/library.js")),
    ("page.js", SCRIPT, include_str!("page/page.js")),
    ("progress.js", SCRIPT, include_str!("page/progress.js")),
    ("results.js", SCRIPT, include_str!("page/results.js")),
    ("search.js", SCRIPT, include_str!("page/search.js")),
    ("service.js", SCRIPT, include_str!("page/service.js")),
    ("state.js", SCRIPT, include_str!("page/state.js")),
    ("threshold.js", SCRIPT, include_str!("page/threshold.js")),
    ("thumbnails.js", SCRIPT, include_str!("page/thumbnails.js")),
    ("tree-worker.js", SCRIPT, include_str!("page/tree-worker.js")),
    ("tree.js", SCRIPT, include_str!("page/tree.js")),
    ("uploads.js", SCRIPT, include_str!("page/uploads.js")),
    ("viewer.js", SCRIPT, include_str!("page/viewer.js")),
];

/// A file as it is served.
struct File {
    content_type: HeaderValue,
    text: &'static str,
    /// Weak, since what compresses an answer on its way leaves this header as it is.
    tag: HeaderValue,
}

impl File {
    fn new(content_type: &'static str, text: &'static str) -> Self {
        let digest = Sha256::digest(text);
        let digest: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("W/\"{digest}\""));
        Self {
            content_type: HeaderValue::from_static(content_type),
            text,
            tag: tag.expect("hexadecimal digits within quotes are ASCII"),
        }
    }

    /// Whether the client has this very file (RFC 9110, section 13.1.2).
    fn is_known(&self, request: &HeaderMap) -> bool {
        let named =
            request.get_all(header::IF_NONE_MATCH).iter().filter_map(|tag| tag.to_str().ok());
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = self.tag.to_str().map(opaque).unwrap_or_default();
        named.flat_map(|tags| tags.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == own)
    }

    fn answer(&self, request: &HeaderMap) -> Response {
        let mut response = if self.is_known(request) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(header::CONTENT_TYPE, self.content_type.clone())], self.text).into_response()
        };
        // A browser asks each time whether it has the file of the version that runs.
        let fixed = [
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        let headers = response.headers_mut();
        headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
        headers.insert(header::ETAG, self.tag.clone());
        response
    }
}

/// The page and its files.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/", get(async |headers: HeaderMap| file("", &headers))).route(
        "/page/{file}",
        get(async |Path(name): Path<String>, headers: HeaderMap| file(&name, &headers)),
    )
}

fn file(name: &str, request: &HeaderMap) -> Result<Response, Rejection> {
    static SERVED: LazyLock<HashMap<&str, File>> = LazyLock::new(|| {
        FILES.map(|(name, content_type, text)| (name, File::new(content_type, text))).into()
    });
    SERVED.get(name).map(|file| file.answer(request)).ok_or(Rejection::NotFound)
}
