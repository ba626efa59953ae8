//! Why a photo was not fetched. What is said comes from this service alone: nothing of an answer, no
//! place that it redirects to, and no address, so that nobody learns of our network by asking.

use std::time::Duration;

use super::hosts::NoName;
use crate::{
    admission::Refusal,
    upload::{Missing, URLS_ARE_OFF},
};

/// Why a photo was not fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// There are no hosts to fetch photos from.
    #[error("{URLS_ARE_OFF}")]
    Disabled,
    /// It is no URL that could be asked.
    #[error("not the URL of a photo: {0}")]
    Invalid(&'static str),
    /// The URL, or one that it redirects to, is not to be asked.
    #[error("the photo's URL, or one that it redirects to, is not allowed: {0}")]
    NotAllowed(&'static str),
    /// The host cannot be found or reached, or is not the one that it should be.
    #[error("the photo's server cannot be reached: {0}")]
    Unreachable(&'static str),
    /// It took too long.
    #[error("the photo did not come within {} s (--url-timeout)", .0.as_secs_f32())]
    Timeout(Duration),
    /// It is larger than photos may be.
    #[error("the photo has more than {limit} bytes ({setting}): send a smaller one")]
    TooLarge {
        /// Most bytes.
        limit: usize,
        /// What says so.
        setting: &'static str,
    },
    /// The answer has another status than 200.
    #[error("the photo's server answered with the status {0}")]
    Status(u16),
    /// The answer cannot be used.
    #[error("the photo's server answered, but {0}")]
    BadAnswer(&'static str),
    /// There was no memory for it in time; the fault is not the photo's.
    #[error(transparent)]
    Busy(#[from] Refusal),
}

impl FetchError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Disabled => "url_disabled",
            Self::Invalid(_) => "url_invalid",
            Self::NotAllowed(_) => "url_not_allowed",
            Self::Unreachable(_) => "url_unreachable",
            Self::Timeout(_) => "url_timeout",
            Self::TooLarge { .. } => "url_too_large",
            Self::Status(_) => "url_status",
            Self::BadAnswer(_) => "url_bad_answer",
            Self::Busy(_) => "busy",
        }
    }

    /// A host that has no name, or an address in its place.
    pub(super) fn host(why: NoName) -> Self {
        match why {
            NoName::Address => {
                Self::NotAllowed("its host is an address: name the host, as --url-hosts does")
            }
            NoName::Unicode => {
                Self::Invalid("its host is not in ASCII: write its name in the xn-- form")
            }
            NoName::Other => Self::Invalid("it has no full name of a host"),
        }
    }
}

impl From<FetchError> for Missing {
    fn from(error: FetchError) -> Self {
        Self { code: error.code(), detail: error.to_string() }
    }
}
