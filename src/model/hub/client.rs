//! Speaks HTTP to the hub. Redirects are followed by hand, so that the token goes to the hub's own
//! scheme, host and port and never to where the hub redirects. A silent connection counts as
//! broken.

use std::time::Duration;

use ureq::{
    Agent, Body, BodyReader,
    http::{Request, Response, StatusCode, header},
    tls::{RootCerts, TlsConfig},
};

use super::{
    HubError, Settings,
    answer::{Failure, Headers, Metadata, refusal},
    error::Wanted,
    settings::Token,
    url,
};

/// More than any hub needs (one for a renamed repository, one or two to its storage); ends a loop.
const MAX_REDIRECTS: usize = 10;

pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<Token>,
    etag_timeout: Duration,
}

/// The content of a file from byte `start` on.
pub(super) struct Content {
    pub(super) start: u64,
    pub(super) reader: BodyReader<'static>,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Self {
        // The system's certificates (and SSL_CERT_FILE), since companies put their own authority
        // there.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let mut config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("inference-service/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.etag_timeout))
            .timeout_connect(Some(settings.etag_timeout))
            .timeout_recv_response(Some(settings.read_timeout))
            .timeout_per_read(Some(settings.read_timeout))
            .timeout_per_write(Some(settings.read_timeout));
        if !settings.proxies_from_env {
            config = config.proxy(None);
        }
        Self {
            agent: config.build().new_agent(),
            endpoint: settings.endpoint.clone(),
            token: settings.token.clone(),
            etag_timeout: settings.etag_timeout,
        }
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Asks for commit, etag and size of a file. Waits no longer than the etag timeout.
    pub(super) fn metadata(&self, wanted: &Wanted) -> Result<Metadata, Failure> {
        let mut address = wanted.url.clone();
        for _ in 0..MAX_REDIRECTS {
            let answer = self.send("HEAD", &address, None, Some(self.etag_timeout))?;
            let (status, headers) = (answer.status(), Headers(answer.headers()));
            match redirect(&answer, &address) {
                Some(target) if !headers.describe_file() => address = target,
                target if target.is_some() || status.is_success() => {
                    return headers.metadata(target.is_some()).map_err(|why| {
                        protocol(wanted, format!("{} answered with {why}", url::shown(&address)))
                    });
                }
                _ => return Err(self.refusal(&answer, &address, wanted)),
            }
        }
        Err(protocol(wanted, format!("more than {MAX_REDIRECTS} redirects")))
    }

    /// Opens a file at a commit from byte `from` on; the content starts earlier, at 0, if the
    /// server will have it so.
    pub(super) fn open(
        &self,
        wanted: &Wanted,
        commit: &str,
        from: u64,
    ) -> Result<Content, Failure> {
        let mut address = url::of_file(&self.endpoint, &wanted.repo, commit, &wanted.file);
        let mut from = from;
        for _ in 0..MAX_REDIRECTS {
            let answer = self.send("GET", &address, (from > 0).then_some(from), None)?;
            let (status, headers) = (answer.status(), Headers(answer.headers()));
            if let Some(target) = redirect(&answer, &address) {
                address = target;
            } else if status == StatusCode::RANGE_NOT_SATISFIABLE && from > 0 {
                from = 0;
            } else if status == StatusCode::PARTIAL_CONTENT && headers.range_start() != Some(from) {
                return Err(Failure::Passing(
                    "the server sent another range than asked for".to_owned(),
                ));
            } else if status.is_success() {
                let start = if status == StatusCode::PARTIAL_CONTENT { from } else { 0 };
                return Ok(Content { start, reader: answer.into_body().into_reader() });
            } else {
                return Err(self.refusal(&answer, &address, wanted));
            }
        }
        Err(protocol(wanted, format!("more than {MAX_REDIRECTS} redirects")))
    }

    fn send(
        &self,
        method: &str,
        address: &str,
        from: Option<u64>,
        limit: Option<Duration>,
    ) -> Result<Response<Body>, Failure> {
        // Compressed, neither length nor ranges would be those of the file.
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(token) = self.token_for(address) {
            request = request.header(header::AUTHORIZATION, token.bearer());
        }
        if let Some(from) = from {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let explain =
            |error: ureq::Error| Failure::Passing(format!("{}: {error}", url::shown(address)));
        let request = request.body(()).map_err(|error| explain(error.into()))?;
        let request = self.agent.configure_request(request).timeout_global(limit).build();
        self.agent.run(request).map_err(explain)
    }

    fn token_for(&self, address: &str) -> Option<&Token> {
        self.token.as_ref().filter(|_| url::same_origin(address, &self.endpoint))
    }

    /// What the storage behind the hub refuses may be an expired link, and a new attempt gets a new
    /// link.
    fn refusal(&self, answer: &Response<Body>, address: &str, wanted: &Wanted) -> Failure {
        let status = answer.status();
        if url::same_origin(address, &self.endpoint) {
            refusal(status, &Headers(answer.headers()), wanted, self.token.is_some())
        } else {
            Failure::Passing(format!("{} answered {status}", url::shown(address)))
        }
    }
}

fn redirect(answer: &Response<Body>, address: &str) -> Option<String> {
    let location = Headers(answer.headers()).text("location")?;
    answer.status().is_redirection().then(|| url::join(address, location))?
}

fn protocol(wanted: &Wanted, why: String) -> Failure {
    Failure::Final(HubError::Protocol { wanted: Box::new(wanted.clone()), why })
}
