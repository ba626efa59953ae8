//! The links between vectors, and what hangs together by them.

use super::{
    Threshold, Vectors,
    sets::Sets,
    tiles::{self, each_tile},
};
use crate::kernels::Kernels;

/// The components of two or more vectors, by their first and each in order; and the vectors without
/// a link.
pub(super) fn components(
    kernels: &Kernels,
    vectors: &Vectors,
    threshold: Threshold,
) -> (Vec<Vec<usize>>, Vec<usize>) {
    let sets = Sets::new(vectors.len());
    let all: Vec<_> = (0..vectors.len()).collect();
    let margin = tiles::margin(vectors.dim());
    let least = (threshold.0 - margin) as f32 - f32::EPSILON;
    let sure = (threshold.0 + margin) as f32 + f32::EPSILON;
    each_tile(kernels, vectors, &all, |tile| {
        tile.each(|row, column, cosines| {
            // A count is made of wide comparisons, and is nearly always 0.
            if cosines.iter().filter(|&&cosine| cosine >= least).count() > 0 {
                for (&cosine, column) in cosines.iter().zip(column..) {
                    let wanted = cosine >= least && row < column && !sets.are_joined(row, column);
                    let exact = || vectors.cosine(row, column);
                    if wanted && (cosine >= sure || threshold.is_reached_by(exact())) {
                        sets.join(row, column);
                    }
                }
            }
        });
    });
    sets.split()
}
