//! The hosts that photos may be fetched from (`--url-hosts`), and what a host's name is: one spelling
//! for each, and nothing that a resolver could take for an address.

use std::{net::Ipv6Addr, str::FromStr};

/// The port of a host that is listed without one.
pub const PORT: u16 = 443;

/// Longest name (RFC 1035, section 2.3.4), and longest label in it.
const LONGEST: (usize, usize) = (253, 63);

/// Hosts that an operator names; none where photos are not fetched at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Host>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Host {
    name: String,
    /// Whether what is meant are the hosts under `name`, however far, and not itself.
    below: bool,
    port: u16,
}

impl Hosts {
    /// Whether none is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether photos may be fetched from `port` of the host called `name`, in the spelling of [`name`].
    pub fn allow(&self, name: &str, port: u16) -> bool {
        self.0.iter().any(|host| host.port == port && host.covers(name))
    }
}

impl Host {
    fn covers(&self, name: &str) -> bool {
        match name.strip_suffix(&self.name) {
            Some("") => !self.below,
            Some(rest) => self.below && rest.len() > 1 && rest.ends_with('.'),
            None => false,
        }
    }
}

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let listed = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        listed.map(host).collect::<Result<_, _>>().map(Self)
    }
}

fn host(text: &str) -> Result<Host, String> {
    let refused = |why: &str| {
        format!(
            "{text:?} {why}; name hosts like photos.example.com, *.example.com or \
             photos.example.com:8443, with commas between them"
        )
    };
    let (below, rest) = match text.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (named, port) = match rest.rsplit_once(':') {
        Some((named, port)) => (named, number(port).ok_or_else(|| refused("has no valid port"))?),
        None => (rest, PORT),
    };
    let name = name(named).map_err(|error| refused(&error.to_string()))?;
    // `*.com` would be half of the Internet.
    if below && !name.contains('.') {
        return Err(refused("stands for too many hosts"));
    }
    Ok(Host { name, below, port })
}

/// A port: digits alone, from 1 to 65535.
pub(super) fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

/// Why a text is no name of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoName {
    /// It is an address, in whatever spelling.
    #[error("is an address and not the name of a host")]
    Address,
    /// It is not in ASCII.
    #[error("is not in ASCII: write the name in its xn-- form")]
    Unicode,
    /// Nothing that a host can be called.
    #[error("is not the full name of a host")]
    Other,
}

/// The one spelling of a host's name: in lower case, without the dot at its end.
///
/// Names beyond ASCII are not mapped into it (UTS 46), since what differs between those who do is
/// how one host is taken for another; their `xn--` form is a name like any other. Addresses are
/// recognised as the URL standard does, by a last label that is a number, since C libraries read
/// `127.1`, `0x7f000001`, `017700000001` and `2130706433` all as 127.0.0.1.
///
/// # Errors
/// [`NoName`].
pub(super) fn name(text: &str) -> Result<String, NoName> {
    if !text.is_ascii() {
        return Err(NoName::Unicode);
    }
    if text.starts_with('[') || text.parse::<Ipv6Addr>().is_ok() {
        return Err(NoName::Address);
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    let hexadecimal = last.strip_prefix("0x");
    if decimal || hexadecimal.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit())) {
        return Err(NoName::Address);
    }
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=LONGEST.1).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(inner)
    };
    match name.len() <= LONGEST.0 && name.contains('.') && name.split('.').all(is_label) {
        true => Ok(name),
        false => Err(NoName::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(list: &str, host: &str, port: u16) -> bool {
        let hosts: Hosts = list.parse().unwrap();
        name(host).is_ok_and(|name| hosts.allow(&name, port))
    }

    #[test]
    fn a_listed_host_is_allowed_in_every_case_and_no_other() {
        const LIST: &str = "photos.example.com, b.example:8443,XN--Bcher-Kva.example.";
        for host in ["photos.example.com", "PHOTOS.Example.COM", "photos.example.com."] {
            assert!(allowed(LIST, host, 443), "{host}");
        }
        assert!(allowed(LIST, "xn--bcher-kva.example", 443));
        assert!(allowed(LIST, "b.example", 8443));
        for (host, port) in [
            ("example.com", 443),
            ("a.photos.example.com", 443),
            ("evilphotos.example.com", 443),
            ("evil-photos.example.com", 443),
            ("photos.example.com.evil.com", 443),
            ("photos.example.comx", 443),
            ("photos.example.co", 443),
            ("photos.example.com..", 443),
            (".photos.example.com", 443),
            ("photos.example.com", 8443),
            ("photos.example.com", 80),
            ("b.example", 443),
            ("xn--bcher-kva1.example", 443),
            ("bücher.example", 443),
            ("photos.exаmple.com", 443), // with a Cyrillic letter
            ("photos。example。com", 443),
        ] {
            assert!(!allowed(LIST, host, port), "{host}:{port}");
        }
    }

    #[test]
    fn a_star_stands_for_the_hosts_below_and_nothing_beside() {
        const LIST: &str = "*.example.com,*.b.example:8443";
        for host in ["a.example.com", "a.b.example.com", "xn--80ak6aa92e.example.com"] {
            assert!(allowed(LIST, host, 443), "{host}");
        }
        assert!(allowed(LIST, "a.b.example", 8443));
        for host in "
            example.com evil-example.com evilexample.com example.com.evil.com
            a.example.com.evil.com .example.com a..example.com *.example.com a.b.example"
            .split_whitespace()
        {
            assert!(!allowed(LIST, host, 443), "{host}");
        }
    }

    #[test]
    fn an_empty_list_allows_nothing() {
        for list in ["", " ", ",", " , "] {
            let hosts: Hosts = list.parse().unwrap();
            assert!(hosts.is_empty());
            assert!(!hosts.allow("example.com", 443));
        }
    }

    #[test]
    fn what_is_no_list_of_hosts_is_refused() {
        for list in [
            "*",
            "*.",
            "*.com",
            "*.*",
            "**.example.com",
            "a.*.example.com",
            "*example.com",
            "localhost",
            "https://example.com",
            "example.com/photos",
            "user@example.com",
            "example.com:0",
            "example.com:65536",
            "example.com:+443",
            "example.com:",
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "::1",
            "[::1]",
            "[::1]:443",
            "a b.example",
            "bücher.example",
            "-a.example",
            "a-.example",
            "a..example",
            "example.com,*",
        ] {
            let refused = Hosts::from_str(list).unwrap_err();
            assert!(refused.contains("*.example.com or"), "{list}: {refused}");
        }
        assert!(Hosts::from_str("bücher.example").unwrap_err().contains("xn--"));
        assert!(Hosts::from_str("127.0.0.1").unwrap_err().contains("is an address"));
    }

    #[test]
    fn an_address_is_no_name_in_any_spelling() {
        for text in "
            127.0.0.1 127.0.0.1. 127.1 127.0.1 2130706433 017700000001 0177.0.0.1 0177.0.0.01
            0x7f000001 0x7F.0x0.0x0.0x1 0x7f.1 0x 1.0x 0.0.0.0 0 00000 10.1 169.254.169.254
            2852039166 0xa9fea9fe 0251.0376.0251.0376 example.1 a.b.0x1 999.999.999.999
            4294967297 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1]
            [0:0:0:0:0:0:0:1] [fe80::1%25eth0] [fe80::1%eth0] [64:ff9b::7f00:1] [2002:7f00:1::]
            [fd00:ec2::254] ::1 [v1.fe]"
            .split_whitespace()
        {
            assert_eq!(name(text), Err(NoName::Address), "{text}");
        }
        for text in ["①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "loc\u{ad}alhost"]
        {
            assert_eq!(name(text), Err(NoName::Unicode), "{text}");
        }
        for text in
            ["%31%32%37.0.0.1%2f", "%6cocalhost", "localhost", "", ".", "..", "a@b.c", "a/b.c"]
        {
            assert_eq!(name(text), Err(NoName::Other), "{text}");
        }
    }

    #[test]
    fn names_have_the_lengths_that_dns_gives_them() {
        let label = "a".repeat(63);
        assert!(name(&format!("{label}.example")).is_ok());
        assert!(name(&format!("{label}a.example")).is_err());
        let longest = [&label[..], &label, &label, &label[..61]].join(".");
        assert_eq!(longest.len(), 253);
        assert!(name(&longest).is_ok());
        assert!(name(&format!("{longest}a")).is_err());
    }
}
