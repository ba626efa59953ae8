//! Certificates made for a test, their files, and clients that trust them alone.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use rcgen::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, DEFAULT_VERSIONS, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName},
    },
};

use crate::service::Service;

/// A certificate for `localhost` and its key, in two files.
#[derive(Debug)]
pub struct Files {
    folder: tempfile::TempDir,
}

/// A certificate that is not written down yet.
pub struct Made(CertifiedKey<rcgen::KeyPair>);

impl Made {
    pub fn new() -> Self {
        Self(rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap())
    }

    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    pub fn certificate_pem(&self) -> String {
        self.0.cert.pem()
    }

    pub fn key_pem(&self) -> String {
        self.0.signing_key.serialize_pem()
    }

    /// The key as PKCS#8, in DER.
    pub fn key(&self) -> Vec<u8> {
        self.0.signing_key.serialize_der()
    }
}

impl Files {
    pub fn new(made: &Made) -> Self {
        let files = Self { folder: tempfile::tempdir().unwrap() };
        files.write(&made.certificate_pem(), &made.key_pem());
        files
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("tls.crt")
    }

    pub fn key(&self) -> PathBuf {
        self.folder.path().join("tls.key")
    }

    /// Writes both files, one after the other.
    pub fn write(&self, certificate: &str, key: &str) {
        std::fs::write(self.certificate(), certificate).unwrap();
        std::fs::write(self.key(), key).unwrap();
    }

    /// The flags of a service that uses them, and `more`.
    pub fn flags(&self, more: &[&str]) -> Vec<String> {
        let (certificate, key) = (self.certificate(), self.key());
        let own = ["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        own.iter().chain(more).map(|flag| (*flag).to_owned()).collect()
    }
}

/// A service of a model of 8 numbers, over TLS.
pub fn service(files: &Files, more: &[&str]) -> Service {
    let flags = files.flags(more);
    Service::tiny(&flags.iter().map(String::as_str).collect::<Vec<_>>())
}

/// How a client speaks TLS.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    pub trusts: &'a CertificateDer<'static>,
    pub versions: &'a [&'static SupportedProtocolVersion],
    pub offers: &'a [&'a str],
}

impl<'a> Client<'a> {
    /// A client of today that trusts `certificate` alone.
    pub fn of(certificate: &'a CertificateDer<'static>) -> Self {
        Self { trusts: certificate, versions: DEFAULT_VERSIONS, offers: &["http/1.1"] }
    }

    /// The stream after a handshake, if there is one.
    pub async fn connect(&self, service: &Service) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(service.api).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(self.config())).connect(name, stream).await
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusts.clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols =
            self.offers.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config
    }

    /// A connection of HTTP/1.1, and what ends with it.
    pub async fn http1(&self, service: &Service) -> Http1 {
        let stream = self.connect(service).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        Http1 { sender, connection: tokio::spawn(connection) }
    }
}

/// A connection of HTTP/1.1 over TLS.
pub struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Ends with an error where the connection is cut off without a farewell.
    pub connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Http1 {
    /// Status and `Connection` of the answer to a `GET` or, with a photo, a `POST`.
    pub async fn ask(&mut self, path: &str, photo: Option<&[u8]>) -> (u16, Option<String>) {
        let method = if photo.is_some() { "POST" } else { "GET" };
        let request = Request::builder().method(method).uri(path);
        let request = request.header("host", "localhost").header("content-type", "image/png");
        let body = Full::new(Bytes::copy_from_slice(photo.unwrap_or_default()));
        self.sender.ready().await.unwrap();
        let answer = self.sender.send_request(request.body(body).unwrap()).await.unwrap();
        let connection = answer.headers().get("connection");
        let connection = connection.map(|value| value.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        answer.into_body().collect().await.unwrap();
        (status, connection)
    }
}
