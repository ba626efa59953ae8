//! The codings of bodies (RFC 9110, section 8.4): gzip and zstd, both ways. What clients send is
//! expanded while it is read ([`Encoded`]), what they are sent is compressed where they take it
//! ([`compress`]).

mod compress;
mod expand;

pub(super) use compress::compress;
pub(super) use expand::{Broken, Encoded};

/// A coding other than none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Zstd,
}

/// What is taken, for who sent something else.
pub(super) const TAKEN: &str = "gzip, zstd";

impl Coding {
    /// The coding that a token of a header names, in any case.
    fn named(token: &str) -> Option<Self> {
        let is = |name| token.eq_ignore_ascii_case(name);
        match () {
            // RFC 9110, section 8.4.1.3: the second is an older name.
            () if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            () if is("zstd") => Some(Self::Zstd),
            () => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}
