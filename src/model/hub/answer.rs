//! Reads the hub's answers: what it says about a file, and what kind of refusal an error status is.
//! The names of the headers and codes are those that `huggingface_hub` reads (`file_download.py`,
//! `utils/_http.py`).

use ureq::http::{HeaderMap, StatusCode};

use super::{HubError, cache::is_commit, error::Wanted};

/// What the hub says about a file at a revision.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) commit: String,
    pub(super) etag: String,
    pub(super) size: Option<u64>,
}

/// Why a request brought nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The hub's last word.
    Final(HubError),
    /// The file is not in the repository at this commit, where the hub names it.
    Missing(Option<String>),
    /// Another attempt may succeed.
    Passing(String),
}

/// Headers, by name, as text.
pub(super) struct Headers<'a>(pub(super) &'a HeaderMap);

impl<'a> Headers<'a> {
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.to_str().ok()
    }

    fn etag(&self, name: &str) -> Option<String> {
        let value = self.text(name)?.trim();
        let value = value.strip_prefix("W/").unwrap_or(value).trim_matches('"');
        Some(value.to_owned()).filter(|etag| is_file_name(etag))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.trim().parse().ok()
    }

    fn commit(&self) -> Option<String> {
        self.text("x-repo-commit").filter(|commit| is_commit(commit)).map(str::to_owned)
    }

    /// Whether a redirect already says all there is to know, so that its target, a signed link,
    /// need not be asked.
    pub(super) fn describe_file(&self) -> bool {
        self.commit().is_some() && self.etag("x-linked-etag").is_some()
    }

    /// What the answer says about the file. The length of a redirect's own body says nothing about
    /// the file's.
    pub(super) fn metadata(&self, redirect: bool) -> Result<Metadata, &'static str> {
        let length = if redirect { None } else { self.number("content-length") };
        Ok(Metadata {
            commit: self.commit().ok_or("no valid x-repo-commit header")?,
            etag: self
                .etag("x-linked-etag")
                .or_else(|| self.etag("etag"))
                .ok_or("no valid etag header")?,
            size: self.number("x-linked-size").or(length),
        })
    }

    /// First byte of a partial answer: `Content-Range: bytes 100-199/200`.
    pub(super) fn range_start(&self) -> Option<u64> {
        let range = self.text("content-range")?.trim().strip_prefix("bytes ")?;
        range.split_once('-')?.0.trim().parse().ok()
    }
}

/// What an error status of the hub means for the file that was asked for.
pub(super) fn refusal(
    status: StatusCode,
    headers: &Headers<'_>,
    wanted: &Wanted,
    token_sent: bool,
) -> Failure {
    let wanted = Box::new(wanted.clone());
    Failure::Final(match (headers.text("x-error-code"), status.as_u16()) {
        (Some("RepoNotFound"), _) => HubError::RepoNotFound { wanted, token_sent },
        (Some("RevisionNotFound"), _) => HubError::RevisionNotFound(wanted),
        (Some("GatedRepo"), _) => HubError::Gated { wanted, token_sent },
        (Some("EntryNotFound"), _) | (None, 404) => return Failure::Missing(headers.commit()),
        (_, 401 | 403) => HubError::Denied { wanted, answer: status.to_string(), token_sent },
        (_, 408 | 429 | 500..) => return Failure::Passing(format!("the hub answered {status}")),
        _ => HubError::Protocol { wanted, why: format!("it answered {status}") },
    })
}

/// An etag becomes a file name: nothing else may.
fn is_file_name(etag: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&etag.len()) && etag.bytes().all(plain) && !etag.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn linked_headers_win_and_etags_lose_their_quotes() {
        let map = headers(&[
            ("x-repo-commit", COMMIT),
            ("etag", "\"redirect\""),
            ("x-linked-etag", "W/\"abc\""),
            ("x-linked-size", "605"),
            ("content-length", "12"),
        ]);
        let found = Headers(&map).metadata(true).unwrap();
        assert_eq!((found.etag.as_str(), found.size), ("abc", Some(605)));
    }

    #[test]
    fn length_of_a_redirect_is_not_the_files() {
        let map = headers(&[("x-repo-commit", COMMIT), ("etag", "a"), ("content-length", "12")]);
        assert_eq!(Headers(&map).metadata(true).unwrap().size, None);
        assert_eq!(Headers(&map).metadata(false).unwrap().size, Some(12));
    }

    #[test]
    fn etag_or_commit_that_would_leave_the_cache_is_refused() {
        for etag in ["../../etc/passwd", "a/b", "", "\"\"", ".", ".hidden", "a b"] {
            let map = headers(&[("x-repo-commit", COMMIT), ("etag", etag)]);
            assert!(Headers(&map).metadata(false).is_err(), "{etag:?}");
        }
        let map = headers(&[("x-repo-commit", "../../x"), ("etag", "a")]);
        assert!(Headers(&map).metadata(false).is_err());
    }

    #[test]
    fn start_of_a_range_is_read() {
        let start = |value: &str| Headers(&headers(&[("content-range", value)])).range_start();
        assert_eq!(start("bytes 100-199/200"), Some(100));
        assert_eq!(start("bytes */200"), None);
    }
}
