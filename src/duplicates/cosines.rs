//! The cosines that somebody asks for one by one: of named pairs, or of each with each.

use super::Vectors;

/// Why there are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosinesError {
    /// More than may be asked for at a time.
    #[error(
        "{found} cosines are asked for, more than the limit of {limit}: ask for fewer at a time"
    )]
    TooMany {
        /// How many are asked for.
        found: usize,
        /// How many may be.
        limit: usize,
    },
    /// A pair names a vector that is not there.
    #[error("pair {pair} names vector {index}, and there are {count}, counted from 0")]
    NoVector {
        /// Which pair, from 0.
        pair: usize,
        /// The vector that it names.
        index: usize,
        /// How many there are.
        count: usize,
    },
}

impl CosinesError {
    /// A stable label for clients and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooMany { .. } => "too_many_cosines",
            Self::NoVector { .. } => "no_such_vector",
        }
    }
}

fn check(found: usize, limit: usize) -> Result<(), CosinesError> {
    if found > limit { Err(CosinesError::TooMany { found, limit }) } else { Ok(()) }
}

/// The cosines of `pairs` of vectors, at most `limit`, in their order. Each takes a look at two
/// vectors, on the calling thread.
///
/// # Errors
/// [`CosinesError`].
pub fn pairs(
    vectors: &Vectors,
    pairs: &[[usize; 2]],
    limit: usize,
) -> Result<Vec<f64>, CosinesError> {
    check(pairs.len(), limit)?;
    let count = vectors.len();
    let cosine = |(pair, &[a, b]): (usize, &[usize; 2])| match a.max(b) {
        index if index >= count => Err(CosinesError::NoVector { pair, index, count }),
        _ => Ok(vectors.cosine(a, b)),
    };
    pairs.iter().enumerate().map(cosine).collect()
}

/// The cosines of each with each, `[n][n]` and at most `limit` in all; symmetric, with ones on the
/// diagonal.
///
/// # Errors
/// [`CosinesError::TooMany`].
pub fn matrix(vectors: &Vectors, limit: usize) -> Result<Vec<Vec<f64>>, CosinesError> {
    let count = vectors.len();
    check(count.saturating_mul(count), limit)?;
    let half = |a: usize| (0..=a).map(|b| vectors.cosine(a, b)).collect();
    let half: Vec<Vec<f64>> = (0..count).map(half).collect();
    let whole = |a: usize| (0..count).map(|b| half[a.max(b)][a.min(b)]).collect();
    Ok((0..count).map(whole).collect())
}
