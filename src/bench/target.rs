//! Whom requests go to: a `http://` address, found by name once, before the first request.

use std::{fmt, net::SocketAddr};

use hyper::{Uri, header::HeaderValue};
use tokio::net::TcpStream;

/// A service, as the command line names it.
#[derive(Clone, Debug)]
pub struct Target {
    /// What stands in the header `Host`: name, and port if it was given.
    pub host: HeaderValue,
    /// Name or address without brackets, and port.
    authority: (String, u16),
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
}

impl Target {
    /// Reads a URL.
    ///
    /// # Errors
    /// What would be right, when it is not of the form `http://HOST[:PORT][/PREFIX]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = "use an address like http://127.0.0.1:8002; only plain http is spoken";
        let read = || {
            let uri: Uri = text.parse().ok()?;
            let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
            let authority =
                uri.authority().filter(|named| plain && !named.as_str().contains('@'))?;
            let name = authority.host().trim_start_matches('[').trim_end_matches(']');
            Some(Self {
                host: HeaderValue::from_str(authority.as_str()).ok()?,
                authority: (name.to_owned(), authority.port_u16().unwrap_or(80)),
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

    /// The first of its addresses that takes a connection.
    ///
    /// # Errors
    /// When the name is unknown or no address takes one.
    pub async fn find(&self) -> Result<SocketAddr, Unreachable> {
        let name = |error| Unreachable::Name(self.to_string(), error);
        let found = tokio::net::lookup_host(&self.authority).await.map_err(name)?;
        let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
        for address in found {
            match TcpStream::connect(address).await {
                Ok(_) => return Ok(address),
                Err(error) => last = error,
            }
        }
        Err(Unreachable::Connect(self.to_string(), last))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host.to_str().unwrap_or_default(), self.prefix)
    }
}
