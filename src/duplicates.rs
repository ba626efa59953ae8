//! Which photos show the same: cosines of embeddings, and groups of those that are near.
//!
//! Two vectors are linked where their cosine is the threshold or more; a group is a connected
//! component of these links, so two members of one may be further apart than the threshold
//! ([`Group::least`] says how far). Exact: every pair is looked at, and a close decision is made in
//! double precision, whatever the instruction set. The `n * n` cosines are never held: they are
//! computed in tiles on the threads of the current rayon pool. Knows neither HTTP nor photos.

mod cosines;
mod extent;
mod links;
mod sets;
mod tiles;
mod vectors;

pub use cosines::{CosinesError, matrix, pairs};
use extent::extents;
use rayon::prelude::*;
pub use vectors::{VectorError, Vectors};

use crate::kernels::Kernels;

/// The least cosine that links two vectors: a number from -1 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Threshold(f64);

/// What is no [`Threshold`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no threshold: a cosine is a number from -1 to 1; duplicates have 0.95 or more")]
pub struct NoThreshold(pub f64);

impl Threshold {
    /// That of the app: photos of one scene, taken one after the other, reach it.
    pub const DEFAULT: Self = Self(0.95);

    /// The cosine.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether two vectors of this cosine are linked.
    pub fn is_reached_by(self, cosine: f64) -> bool {
        cosine >= self.0 - ROUNDING
    }
}

/// By so much a cosine may miss the threshold: a photo's vector differs in its last bits with what
/// else was in its batch, which makes some 1e-13, and a threshold of 1 is to link it with itself.
const ROUNDING: f64 = 1e-9;

impl TryFrom<f64> for Threshold {
    type Error = NoThreshold;

    fn try_from(cosine: f64) -> Result<Self, NoThreshold> {
        if (-1. ..=1.).contains(&cosine) { Ok(Self(cosine)) } else { Err(NoThreshold(cosine)) }
    }
}

/// What makes one photo of a group a better representative than another. More pixels come first,
/// then the larger file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quality {
    /// Width times height.
    pub pixels: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// One vector of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// Which vector.
    pub index: usize,
    /// Its cosine to the representative; 1 for the representative itself.
    pub cosine: f64,
    /// Its greatest cosine to another member: that of the link that joined it.
    pub nearest: f64,
    /// Its least cosine to another member.
    pub least: f64,
}

/// Vectors that hang together.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The best member: of the highest [`Quality`]; of several, that with the highest mean cosine to
    /// the others; of several, the first.
    pub representative: usize,
    /// Two or more, by index.
    pub members: Vec<Member>,
    /// The least cosine of any two members.
    pub least: f64,
}

/// What [`group`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// By the index of their first member.
    pub groups: Vec<Group>,
    /// The vectors that have no duplicate, by index.
    pub unique: Vec<usize>,
}

/// Groups `vectors`, of which each has a quality. Takes `n * n / 2` cosines and memory for a few tiles
/// on each thread.
///
/// # Panics
/// When there is not one quality for each vector.
pub fn group(
    kernels: &Kernels,
    vectors: &Vectors,
    threshold: Threshold,
    quality: &[Quality],
) -> Groups {
    assert_eq!(vectors.len(), quality.len(), "each vector has a quality");
    let (linked, unique) = links::components(kernels, vectors, threshold);
    let of = |members: Vec<usize>| Group::of(kernels, vectors, &members, quality);
    Groups { groups: linked.into_par_iter().map(of).collect(), unique }
}

impl Group {
    fn of(kernels: &Kernels, vectors: &Vectors, members: &[usize], quality: &[Quality]) -> Self {
        let representative = representative(vectors, members, quality);
        let extents = extents(kernels, vectors, members);
        let members: Vec<_> = members
            .iter()
            .zip(extents)
            .map(|(&index, [nearest, least])| Member {
                index,
                cosine: vectors.cosine(index, representative),
                nearest,
                least,
            })
            .collect();
        let least = members.iter().map(|member| member.least).fold(1., f64::min);
        Self { representative, members, least }
    }
}

fn representative(vectors: &Vectors, members: &[usize], quality: &[Quality]) -> usize {
    let best = members.iter().map(|&index| quality[index]).max();
    let mut best: Vec<_> =
        members.iter().copied().filter(|&index| Some(quality[index]) == best).collect();
    if best.len() > 1 {
        let mean = vectors.mean_cosines(members, &best);
        let most = mean.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut mean = mean.into_iter();
        best.retain(|_| mean.next() == Some(most));
    }
    best[0]
}

#[cfg(test)]
mod tests;
