//! Whom requests go to: an `http://` or `https://` address, found by name once, before the first
//! request.

use std::fmt;

use hyper::{Uri, header::HeaderValue};
use tokio::net::TcpStream;

use super::link::Link;

/// A service, as the command line names it.
#[derive(Clone, Debug)]
pub struct Target {
    /// What stands in the header `Host`: name, and port if it was given.
    pub host: HeaderValue,
    /// Name or address without brackets, and port.
    authority: (String, u16),
    /// Whether it is `https`.
    tls: bool,
    /// Path before every route, without the last `/`; mostly empty.
    prefix: String,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The name is unknown.
    #[error("cannot find the host of {0}: {1}")]
    Name(String, #[source] std::io::Error),
    /// Nobody listens, or nobody answers.
    #[error("cannot connect to {0}: {1}; does the service run there?")]
    Connect(String, #[source] std::io::Error),
    /// Somebody listens who speaks no TLS, or whose certificate is not trusted.
    #[error(
        "no TLS with {0}: {1}; trust its certificate (SSL_CERT_FILE=cert.pem), or do not check it \
         (--insecure)"
    )]
    Tls(String, #[source] std::io::Error),
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What would be right, when it is not of the form `http[s]://HOST[:PORT][/PREFIX]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = "use an address like http://127.0.0.1:8002 or https://host";
        let read = || {
            let uri: Uri = text.parse().ok()?;
            let (tls, port) = match uri.scheme_str()? {
                "http" => (false, 80),
                "https" => (true, 443),
                _ => return None,
            };
            let is_whole = uri.query().is_none();
            let authority =
                uri.authority().filter(|named| is_whole && !named.as_str().contains('@'))?;
            let name = authority.host().trim_start_matches('[').trim_end_matches(']');
            Some(Self {
                host: HeaderValue::from_str(authority.as_str()).ok()?,
                authority: (name.to_owned(), authority.port_u16().unwrap_or(port)),
                tls,
                prefix: uri.path().trim_end_matches('/').to_owned(),
            })
        };
        read().ok_or_else(|| wrong.to_owned())
    }

    /// Whether `path` can be asked for.
    pub fn is_path(path: &str) -> bool {
        path.starts_with('/') && path.parse::<Uri>().is_ok()
    }

    /// The path of `route` on this service.
    pub fn path(&self, route: &str) -> String {
        format!("{}{route}", self.prefix)
    }

    /// The way to the first of its addresses that takes a connection; `insecure` takes any
    /// certificate.
    ///
    /// # Errors
    /// When the name is unknown, no address takes one, or TLS cannot be spoken.
    pub async fn find(&self, insecure: bool) -> Result<Link, Unreachable> {
        let name = |error| Unreachable::Name(self.to_string(), error);
        let found = tokio::net::lookup_host(&self.authority).await.map_err(name)?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in found {
            match TcpStream::connect(address).await {
                Ok(_) if self.tls => {
                    let failed = |error| Unreachable::Tls(self.to_string(), error);
                    let link = Link::encrypted(address, &self.authority.0, insecure);
                    let link = link.map_err(failed)?;
                    link.open().await.map_err(failed)?;
                    return Ok(link);
                }
                Ok(_) => return Ok(Link::plain(address)),
                Err(error) => last = error,
            }
        }
        Err(Unreachable::Connect(self.to_string(), last))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.host.to_str().unwrap_or_default(), self.prefix)
    }
}
