//! Photos by their URLs, from hosts that the operator names and from nowhere else.
//!
//! A client that chooses what a server fetches would reach what the server reaches (SSRF). So: https
//! alone, to [`Hosts`] that are listed by name, at public addresses that are checked and connected to
//! in one step ([`Network`]), each redirect anew; with a limit of time over all of it and a limit of
//! bytes, kept in memory that was reserved before.

pub mod address;
mod error;
mod exchange;
pub mod hosts;
mod network;
mod photos;
mod target;

use std::{future::Future, time::Duration};

use bytes::Bytes;
use exchange::Answer;
use target::Target;
use tokio::sync::Semaphore;

pub use error::FetchError;
pub use hosts::Hosts;
pub use network::{Network, Resolver};

/// Photos that are fetched at the same time, over all requests.
const AT_ONCE: usize = 64;

/// Most redirects that are followed: one to a CDN, one to the newest version, and one more.
const REDIRECTS: usize = 3;

/// What may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// From where: `--url-hosts`. None is nothing at all.
    pub hosts: Hosts,
    /// How long one photo may take, its redirects and the wait for its turn included:
    /// `--url-timeout`.
    pub timeout: Duration,
    /// Bytes that a photo may have: `--url-max-bytes`.
    pub max_bytes: usize,
}

/// Memory for a photo that comes piece by piece.
pub trait Memory: Send {
    /// `bytes` of it will be kept, with those that are kept already.
    ///
    /// # Errors
    /// [`FetchError::Busy`], when the memory is not free in time, or whatever else forbids it.
    fn grow(&mut self, bytes: usize) -> impl Future<Output = Result<(), FetchError>> + Send;
}

/// See the module.
#[derive(Debug)]
pub struct Fetcher {
    options: FetchOptions,
    /// None where nothing is fetched.
    network: Option<Network>,
    turns: Semaphore,
}

/// Why a service that should fetch photos cannot.
#[derive(Debug, thiserror::Error)]
#[error(
    "--url-hosts: photos cannot be fetched without certificates to trust ({0}): install the system's \
     (ca-certificates), or name a file with SSL_CERT_FILE"
)]
pub struct NoCertificates(#[from] rustls::Error);

impl Fetcher {
    /// Fetches from the public Internet.
    ///
    /// # Errors
    /// [`NoCertificates`]; never where nothing is to be fetched.
    pub fn new(options: FetchOptions) -> Result<Self, NoCertificates> {
        let network = match options.hosts.is_empty() {
            true => None,
            false => Some(Network::public()?),
        };
        Ok(Self { options, network, turns: Semaphore::new(AT_ONCE) })
    }

    /// Fetches from `network`, for tests.
    pub fn on(network: Network, options: FetchOptions) -> Self {
        Self { options, network: Some(network), turns: Semaphore::new(AT_ONCE) }
    }

    /// Whether anything is fetched.
    pub fn is_on(&self) -> bool {
        !self.options.hosts.is_empty()
    }

    /// The photo at `url`, for which `memory` is reserved before it is kept. Ends, with its
    /// connection, when it is dropped.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn get(&self, url: &str, mut memory: impl Memory) -> Result<Bytes, FetchError> {
        let FetchOptions { hosts, timeout, max_bytes } = &self.options;
        let network = self.network.as_ref().filter(|_| self.is_on());
        let network = network.ok_or(FetchError::Disabled)?;
        let mut target = Target::new(url, hosts)?;
        let fetching = async {
            // It is never closed; and if it were, that would be a stop.
            let _turn = self.turns.acquire().await;
            for _ in 0..=REDIRECTS {
                let stream = network.connect(&target).await?;
                match exchange::get(stream, &target, *max_bytes, &mut memory).await? {
                    Answer::Photo(photo) => return Ok(photo),
                    Answer::Elsewhere(location) => {
                        let location = str::from_utf8(location.as_bytes())
                            .map_err(|_| FetchError::BadAnswer("it redirects to nowhere"))?;
                        target = target.join(location, hosts)?;
                    }
                }
            }
            Err(FetchError::BadAnswer("it redirects more than 3 times"))
        };
        let limit = tokio::time::timeout(*timeout, fetching);
        limit.await.unwrap_or(Err(FetchError::Timeout(*timeout)))
    }
}
