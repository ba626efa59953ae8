//! Connections to hosts on the public Internet: the name is resolved once for each, every address that
//! it has must be public, and one of those very addresses is connected to. So a name that answers
//! otherwise the next time (DNS rebinding) leads nowhere: there is no next time.
//!
//! Proxies of the environment are not used: a proxy resolves names itself, within the network that it
//! is in, and nothing of this would hold.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use rustls::{ClientConfig, pki_types::ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{address, error::FetchError, target::Target};

/// Names that are resolved at the same time. Each takes a thread until the system's resolver gives
/// up, which may be long after our own patience ended.
const LOOKUPS: usize = 16;

/// How long an address has to accept a connection while there is another to try.
const NEXT: Duration = Duration::from_secs(2);

/// The addresses of a host's name, as a resolver gives them.
pub type Resolver =
    Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// How hosts are found, which addresses may be connected to, and whose certificates are believed.
/// Tests put their own in its place; no setting does.
#[derive(Clone)]
pub struct Network {
    /// Resolves names.
    pub resolver: Resolver,
    /// Whether an address may be connected to.
    pub may_connect: fn(IpAddr) -> bool,
    /// TLS: versions, cipher suites, and the verifier of certificates.
    pub tls: Arc<ClientConfig>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl Network {
    /// The public Internet by the system's resolver and its certificates (and `SSL_CERT_FILE`).
    ///
    /// # Errors
    /// When there are no certificates to trust.
    pub fn public() -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { resolver: system(), may_connect: address::is_public, tls: Arc::new(tls) })
    }

    /// A connection to the host of `target`, which has shown that it is the one.
    pub(super) async fn connect(
        &self,
        target: &Target,
    ) -> Result<TlsStream<TcpStream>, FetchError> {
        let addresses = (self.resolver)(target.host().to_owned()).await;
        let addresses = addresses.unwrap_or_default();
        if addresses.is_empty() {
            return Err(FetchError::Unreachable("its name has no address"));
        }
        // One bad address among good ones would be as good as all: the next attempt may take it.
        if !addresses.iter().all(|&address| (self.may_connect)(address)) {
            return Err(FetchError::NotAllowed("its host is not on the public Internet"));
        }
        let stream = first(&addresses, target.port()).await?;
        let name = ServerName::try_from(target.host().to_owned());
        let name = name.map_err(|_| FetchError::Invalid("it has no full name of a host"))?;
        let secured = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await;
        secured.map_err(|_| {
            FetchError::Unreachable("no TLS connection: is its certificate one that is trusted?")
        })
    }
}

/// A connection to the first of `addresses` that takes one.
async fn first(addresses: &[IpAddr], port: u16) -> Result<TcpStream, FetchError> {
    for (index, &address) in addresses.iter().enumerate() {
        let connecting = TcpStream::connect(SocketAddr::new(address, port));
        let connected = match index + 1 < addresses.len() {
            true => timeout(NEXT, connecting).await.unwrap_or_else(|late| Err(late.into())),
            false => connecting.await,
        };
        if let Ok(stream) = connected {
            return Ok(stream);
        }
    }
    Err(FetchError::Unreachable("it takes no connections"))
}

/// The system's resolver.
fn system() -> Resolver {
    let lookups = Arc::new(Semaphore::new(LOOKUPS));
    Arc::new(move |host| {
        let lookups = Arc::clone(&lookups);
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let lookup = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                // With the dot the name is whole: none of this machine's domains is tried behind it.
                let found = (format!("{host}."), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    })
}
