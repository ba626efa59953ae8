//! TLS for a listener: a certificate and its key from PEM files, which are read again when they
//! change. Connections that are open keep the certificate that they began with.
//!
//! TLS 1.2 and 1.3 by rustls with ring; HTTP/2 and HTTP/1.1 are offered by ALPN.

use std::{fmt, path::PathBuf, sync::Arc};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
};

use super::reload::{Contents, Reloaded};

/// What may be spoken over a connection, the best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The chain, the server's own certificate first: `--tls-cert`.
    pub certificate: PathBuf,
    /// Its private key: `--tls-key`.
    pub key: PathBuf,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The chain cannot be had.
    #[error("{} {reason}", path.display())]
    Certificate {
        /// `--tls-cert`.
        path: PathBuf,
        /// What is wrong, as the rest of a sentence.
        reason: String,
    },
    /// The key cannot be had, or does not belong to the certificate.
    #[error("{} {reason}", path.display())]
    Key {
        /// `--tls-key`.
        path: PathBuf,
        /// What is wrong, as the rest of a sentence.
        reason: String,
    },
}

/// A certificate in force, and its files. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Reloaded<ServerConfig, TlsError>>);

impl Tls {
    /// The certificate of `pair`.
    ///
    /// # Errors
    /// [`TlsError`], where it cannot be used.
    pub fn load(pair: Pair) -> Result<Self, TlsError> {
        let paths = vec![pair.certificate.clone(), pair.key.clone()];
        let make = move |contents: &Contents| server_config(&pair, contents);
        Ok(Self(Arc::new(Reloaded::new("TLS certificate", paths, make)?)))
    }

    /// What leads handshakes with the certificate in force.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.current())
    }

    /// Follows the files for as long as the runtime lives.
    pub async fn follow(self) {
        self.0.follow().await;
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn server_config(pair: &Pair, contents: &Contents) -> Result<ServerConfig, TlsError> {
    let no_certificate =
        |reason: String| TlsError::Certificate { path: pair.certificate.clone(), reason };
    let no_key = |reason: String| TlsError::Key { path: pair.key.clone(), reason };
    let [certificate, key] = contents else { unreachable!("a pair has two files") };
    let unreadable = |error: &std::io::Error| format!("cannot be read: {error}");
    let certificate = certificate.as_ref().map_err(|error| no_certificate(unreadable(error)))?;
    let key = key.as_ref().map_err(|error| no_key(unreadable(error)))?;

    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| no_certificate(format!("is no PEM file: {error}")))?;
    if chain.is_empty() {
        let reason = "holds no certificate: use a PEM file with the chain, the server's own first";
        return Err(no_certificate(reason.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound => no_key(
            "holds no private key: use a PEM file with one (PKCS#8, PKCS#1 or SEC1) that has no \
             passphrase"
                .to_owned(),
        ),
        error => no_key(format!("is no PEM file: {error}")),
    })?;
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| no_key(format!("cannot be used: {error}")))?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            no_key(format!("is not the key of the certificate in {}", pair.certificate.display()))
        }
        rustls::Error::InvalidCertificate(error) => {
            no_certificate(format!("holds a certificate that cannot be used: {error}"))
        }
        error => no_key(format!("cannot be used: {error}")),
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}
