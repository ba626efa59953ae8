//! The few operations on URLs that talking to a hub needs: building a file's address, following a
//! redirect, telling whether two addresses are the same server, and showing one without its
//! secrets.

use ureq::http::Uri;

/// Address of a file at a revision: `{endpoint}/{repo}/resolve/{revision}/{file}`, as
/// `huggingface_hub.hf_hub_url`.
pub(super) fn of_file(endpoint: &str, repo: &str, revision: &str, file: &str) -> String {
    let revision = percent_encode(revision, b"");
    format!("{endpoint}/{repo}/resolve/{revision}/{}", percent_encode(file, b"/"))
}

/// Where a `Location` header leads, seen from the address that answered with it.
pub(super) fn join(base: &str, location: &str) -> Option<String> {
    // A path or a query may hold another address.
    let before_path = location.split(['/', '?', '#']).next().unwrap_or_default();
    if before_path.ends_with(':') && location[before_path.len()..].starts_with("//") {
        return Some(location.to_owned());
    }
    let uri: Uri = base.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    if location.starts_with("//") {
        return Some(format!("{scheme}:{location}"));
    }
    if location.starts_with('/') {
        return Some(format!("{scheme}://{authority}{location}"));
    }
    let folder = uri.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    Some(format!("{scheme}://{authority}{folder}/{location}"))
}

/// Whether both addresses have the same scheme, host and port.
pub(super) fn same_origin(a: &str, b: &str) -> bool {
    matches!((origin(a), origin(b)), (Some(a), Some(b)) if a == b)
}

/// The address without user, password and query: a mirror's credentials and a signed link's
/// signature are secrets.
pub(super) fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

fn origin(url: &str) -> Option<(String, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme_str()?.to_ascii_lowercase();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some((scheme, uri.host()?.to_ascii_lowercase(), port))
}

fn percent_encode(text: &str, keep: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        // RFC 3986, section 2.3: the characters that never need encoding.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_is_one_segment_and_file_keeps_its_folders() {
        assert_eq!(
            of_file("https://h", "org/name", "refs/pr/15", "sub/a b.bin"),
            "https://h/org/name/resolve/refs%2Fpr%2F15/sub/a%20b.bin"
        );
    }

    #[test]
    fn redirects_are_resolved_against_their_origin() {
        let base = "https://hub:8443/a/b?x=1";
        assert_eq!(join(base, "https://cdn/y").as_deref(), Some("https://cdn/y"));
        assert_eq!(join(base, "//cdn/y").as_deref(), Some("https://cdn/y"));
        assert_eq!(join(base, "/y").as_deref(), Some("https://hub:8443/y"));
        assert_eq!(join(base, "y").as_deref(), Some("https://hub:8443/a/y"));
        let nested = join(base, "/y?from=https://other/z");
        assert_eq!(nested.as_deref(), Some("https://hub:8443/y?from=https://other/z"));
    }

    #[test]
    fn origin_is_scheme_host_and_port() {
        assert!(same_origin("https://Hub/a", "https://hub:443/b"));
        assert!(!same_origin("https://hub/a", "http://hub/a"));
        assert!(!same_origin("https://hub/a", "https://hub.evil/a"));
        assert!(!same_origin("https://hub/a", "https://hub:444/a"));
        assert!(!same_origin("not a url", "not a url"));
    }

    #[test]
    fn shown_address_has_no_secrets() {
        assert_eq!(shown("https://me:pw@hub/a/b?Signature=s#f"), "https://hub/a/b");
        assert_eq!(shown("https://me:pw@hub?Signature=s"), "https://hub");
        assert_eq!(shown("https://hub/a@b"), "https://hub/a@b");
    }
}
