//! A URL as it is used: taken apart once, so that what was checked is what is connected to and asked
//! for. Only `https://`, a host's name, a port, a path and a query; nothing is guessed or mended but
//! characters of a path that have to be escaped.

use super::{
    error::FetchError,
    hosts::{self, Hosts, PORT},
};

/// Longest URL; signed ones of storage services have some 2 KiB.
const LONGEST: usize = 8 << 10;

const SCHEME: &str = "https://";

/// What is connected to, and what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// In the spelling of [`hosts::name`].
    host: String,
    port: u16,
    /// Path and query, in ASCII; begins with `/`.
    path: String,
}

impl Target {
    /// The target of a client's `url`, if it is one of `hosts`.
    ///
    /// # Errors
    /// [`FetchError::Invalid`], [`FetchError::NotAllowed`].
    pub(super) fn new(url: &str, hosts: &Hosts) -> Result<Self, FetchError> {
        let target = Self::parse(url)?;
        match hosts.allow(&target.host, target.port) {
            true => Ok(target),
            false => Err(FetchError::NotAllowed(
                "its host, with this port, is none of those that photos are fetched from \
                 (--url-hosts)",
            )),
        }
    }

    fn parse(url: &str) -> Result<Self, FetchError> {
        if url.len() > LONGEST {
            return Err(FetchError::Invalid("it has more than 8192 bytes"));
        }
        if url.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(FetchError::Invalid("it has control characters"));
        }
        let rest = match url.get(..SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => &url[SCHEME.len()..],
            _ => return Err(FetchError::NotAllowed("it does not begin with https://")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(FetchError::NotAllowed("it has a user name or a password in it"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            // A colon within brackets is a part of an address.
            Some((host, port)) if !port.ends_with(']') => {
                let port = hosts::number(port);
                (host, port.ok_or(FetchError::Invalid("its port is no number from 1 to 65535"))?)
            }
            _ => (authority, PORT),
        };
        let host = hosts::name(host).map_err(FetchError::host)?;
        Ok(Self { host, port, path: escaped(path) })
    }

    /// Where a `Location` leads from here (RFC 3986, section 5.2), if it is one of `hosts`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn join(&self, location: &str, hosts: &Hosts) -> Result<Self, FetchError> {
        let origin = format!("{SCHEME}{}:{}", self.host, self.port);
        let (path, _) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let url = match location {
            _ if has_scheme(location) => location.to_owned(),
            _ if location.starts_with("//") => format!("https:{location}"),
            _ if location.starts_with('/') => format!("{origin}{location}"),
            _ if location.starts_with('?') => format!("{origin}{path}{location}"),
            "" => return Err(FetchError::BadAnswer("it redirects to nowhere")),
            _ => format!("{origin}{folder}/{location}"),
        };
        Self::new(&url, hosts)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// What the header `Host` says.
    pub(super) fn authority(&self) -> String {
        match self.port {
            PORT => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }
}

/// Whether a reference begins with a scheme, whichever it is.
fn has_scheme(reference: &str) -> bool {
    let before = reference.split(['/', '?', '#']).next().unwrap_or_default();
    before.contains(':')
}

/// Path and query of a URL without its fragment, with what a request line cannot hold escaped.
fn escaped(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    let mut out = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        out.push('/');
    }
    for byte in path.bytes() {
        // RFC 3986, sections 2.2 and 2.3; what is escaped already stays so.
        if byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=[]%".contains(&byte) {
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

    fn hosts() -> Hosts {
        "a.example,b.example:8443,*.cdn.example".parse().unwrap()
    }

    fn code(url: &str) -> &'static str {
        Target::new(url, &hosts()).map_or_else(|error| error.code(), |_| "taken")
    }

    #[test]
    fn a_url_becomes_what_is_asked_for() {
        for (url, authority, path) in [
            ("https://a.example", "a.example", "/"),
            ("HTTPS://A.Example./", "a.example", "/"),
            ("https://a.example:443/x.jpg", "a.example", "/x.jpg"),
            ("https://a.example:0443/x.jpg", "a.example", "/x.jpg"),
            ("https://b.example:8443/x?y=/z#f", "b.example:8443", "/x?y=/z"),
            ("https://x.cdn.example?a=b", "x.cdn.example", "/?a=b"),
            ("https://a.example#f@evil.example/", "a.example", "/"),
            ("https://a.example/a b/фото.jpg", "a.example", "/a%20b/%D1%84%D0%BE%D1%82%D0%BE.jpg"),
            (
                "https://a.example/%20?u=https://evil.example:1/@",
                "a.example",
                "/%20?u=https://evil.example:1/@",
            ),
            ("https://a.example/\"<>\\^`{|}", "a.example", "/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ] {
            let target = Target::new(url, &hosts()).unwrap();
            assert_eq!((&*target.authority(), target.path()), (authority, path), "{url}");
        }
    }

    #[test]
    fn nothing_but_https_to_a_listed_host_is_taken() {
        for url in [
            "http://a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a.example/",
            "//a.example/",
            "a.example/x.jpg",
            "https:a.example",
            "https:/a.example",
            "data:,x",
            "https:\\\\a.example",
            "",
            "x",
            "é",
            "javascript:1",
            " https://a.example/",
            "https://evil.example/",
            "https://a.example.evil.com/",
            "https://evil-a.example/",
            "https://cdn.example/",
            "https://a.example:80/",
            "https://a.example:8443/",
            "https://b.example/",
            "https://b.example:443/",
            "https://user@a.example/",
            "https://user:password@a.example/",
            "https://@a.example/",
            "https://a.example@evil.example/",
            "https://evil.example@a.example/",
            "https://a.example:443@evil.example/",
            "https://a.example%40evil.example:1@x/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.1/",
            "https://[::1]/",
            "https://[::1]:443/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fe80::1%25eth0]/",
            "https://169.254.169.254/latest/meta-data/",
        ] {
            assert_eq!(code(url), "url_not_allowed", "{url}");
        }
    }

    #[test]
    fn what_is_no_url_is_told_so() {
        for url in [
            "https://",
            "https:///x.jpg",
            "https://?x",
            "https://#",
            "https://a.example:/",
            "https://a.example:x/",
            "https://a.example:65536/",
            "https://a.example:65979/",
            "https://a.example:+443/",
            "https://a.example:-1/",
            "https://a.example: 443/",
            "https://a.example:443:443/",
            "https://a.example\\@evil.example/x\0",
            "https://a.exa\tmple/",
            "https://a.example/\r\nx: y",
            "https://a example/",
            "https://a.example\\.evil.example/",
            "https://%61.example/",
            "https://localhost/",
            "https://①②⑦.0.0.1/",
            "https://bücher.example/",
        ] {
            assert_eq!(code(url), "url_invalid", "{url}");
        }
        assert_eq!(code(&format!("https://a.example/{}", "x".repeat(8200))), "url_invalid");
    }

    #[test]
    fn redirects_are_resolved_and_checked_like_any_url() {
        let from = Target::new("https://b.example:8443/x/y?z=1/2", &hosts()).unwrap();
        for (location, authority, path) in [
            ("https://a.example/q", "a.example", "/q"),
            ("HTTPS://a.example:443/q#f", "a.example", "/q"),
            ("//x.cdn.example/q", "x.cdn.example", "/q"),
            ("/q?r=https://evil.example", "b.example:8443", "/q?r=https://evil.example"),
            ("q", "b.example:8443", "/x/q"),
            ("?q", "b.example:8443", "/x/y?q"),
            ("#q", "b.example:8443", "/x/"),
        ] {
            let target = from.join(location, &hosts()).unwrap();
            assert_eq!((&*target.authority(), target.path()), (authority, path), "{location}");
        }
        for location in "
            http://a.example/q http://b.example:8443/ //evil.example/ //127.0.0.1/
            https://localhost.evil.example/ https://[::1]/ file:///etc/passwd mailto:a https:/q
            https:q //user@a.example/"
            .split_whitespace()
        {
            let refused = from.join(location, &hosts()).unwrap_err();
            assert_eq!(refused.code(), "url_not_allowed", "{location}");
            assert!(!refused.to_string().contains("evil"), "{refused}");
        }
        assert_eq!(from.join("", &hosts()).unwrap_err().code(), "url_bad_answer");
    }
}
