//! How near and how far the members of a group are to one another.

use std::sync::{Mutex, PoisonError};

use super::{Vectors, tiles::each_tile};
use crate::kernels::Kernels;

/// The nearest and the furthest of the others that were seen so far, with their cosines.
#[derive(Clone, Copy)]
struct Extent {
    nearest: (f32, usize),
    furthest: (f32, usize),
}

impl Extent {
    const NONE: Self = Self { nearest: (f32::NEG_INFINITY, 0), furthest: (f32::INFINITY, 0) };

    /// Of cosines that are equal, that to the first member counts, in whatever order they come.
    fn see(&mut self, cosine: f32, other: usize) {
        let (nearest, of) = self.nearest;
        if cosine > nearest || (cosine == nearest && other < of) {
            self.nearest = (cosine, other);
        }
        let (furthest, of) = self.furthest;
        if cosine < furthest || (cosine == furthest && other < of) {
            self.furthest = (cosine, other);
        }
    }
}

/// For each of two or more `members` its greatest and its least cosine to another one.
pub(super) fn extents(kernels: &Kernels, vectors: &Vectors, members: &[usize]) -> Vec<[f64; 2]> {
    let extents = Mutex::new(vec![Extent::NONE; members.len()]);
    each_tile(kernels, vectors, members, |tile| {
        // A tile takes far longer than this look at its cosines.
        let mut extents = extents.lock().unwrap_or_else(PoisonError::into_inner);
        tile.each(|row, column, cosines| {
            for (&cosine, column) in cosines.iter().zip(column..).filter(|(_, at)| *at != row) {
                extents[row].see(cosine, column);
                extents[column].see(cosine, row);
            }
        });
    });
    let extents = extents.into_inner().unwrap_or_else(PoisonError::into_inner);
    let cosine = |at: usize, (_, other)| vectors.cosine(members[at], members[other]);
    let exact =
        |(at, extent): (usize, &Extent)| [cosine(at, extent.nearest), cosine(at, extent.furthest)];
    extents.iter().enumerate().map(exact).collect()
}
