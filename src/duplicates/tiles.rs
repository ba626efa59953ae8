//! All cosines of a set of vectors with one another, tile by tile, by the kernels of the forward
//! pass: rows as activations, columns as weights.
//!
//! A tile is the product of two blocks of vectors; each thread has one at a time. Cosines come in
//! f32, off by at most [`margin`].

use rayon::prelude::*;

use super::Vectors;
use crate::kernels::{Kernels, Matmul, Panels, PanelsMut};

/// Most vectors of a block: with more, packing a block would cost no less of the product's time.
const BLOCK: usize = 512;

/// Most numbers of a block, so that what a thread has stays in its cache where vectors are long.
const BLOCK_NUMBERS: usize = 1 << 18;

/// Least vectors of a block, however long they are.
const LEAST: usize = 16;

/// Cosines of some of the vectors with others. Rows and columns are places in the list of those that
/// are compared, not the vectors' own numbers.
pub(super) struct Tile<'a> {
    first_row: usize,
    first_column: usize,
    rows: usize,
    columns: usize,
    panel: usize,
    /// `[panels][rows][panel]`.
    cosines: &'a [f32],
}

impl Tile<'_> {
    /// Calls `visit` with a row and its cosines to some columns from one on, in pieces that cover the
    /// tile.
    pub fn each(&self, mut visit: impl FnMut(usize, usize, &[f32])) {
        for (panel, rows) in self.cosines.chunks_exact(self.rows * self.panel).enumerate() {
            let column = panel * self.panel;
            let width = self.panel.min(self.columns - column);
            for (row, cosines) in rows.chunks_exact(self.panel).enumerate() {
                visit(self.first_row + row, self.first_column + column, &cosines[..width]);
            }
        }
    }
}

/// By how much the cosine of a tile may be off, for vectors of `dim` numbers: twice the bound of a
/// sum in any order (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1),
/// and the rounding of the vectors themselves.
pub(super) fn margin(dim: usize) -> f64 {
    (dim + 4) as f64 * f64::from(f32::EPSILON)
}

/// Calls `visit`, on the threads of the current pool, with tiles that together have each pair of
/// `compared` at least once; tiles on the diagonal have each pair twice, and each vector with itself.
pub(super) fn each_tile(
    kernels: &Kernels,
    vectors: &Vectors,
    compared: &[usize],
    visit: impl Fn(&Tile<'_>) + Sync,
) {
    let block = (BLOCK_NUMBERS / vectors.dim()).clamp(LEAST, BLOCK);
    let blocks: Vec<_> = compared.chunks(block).enumerate().collect();
    let pairs: Vec<_> =
        (0..blocks.len()).flat_map(|a| (a..blocks.len()).map(move |b| (a, b))).collect();
    let room = || Room::new(kernels, vectors.dim(), block.min(compared.len()));
    pairs.into_par_iter().for_each_init(room, |room, (a, b)| {
        let [(row, rows), (column, columns)] = [blocks[a], blocks[b]];
        visit(&room.tile(kernels, vectors, (row * block, rows), (column * block, columns)));
    });
}

/// What a thread writes: two packed blocks and their product.
struct Room {
    rows: Vec<f32>,
    columns: Vec<f32>,
    cosines: Vec<f32>,
}

impl Room {
    fn new(kernels: &Kernels, dim: usize, block: usize) -> Self {
        let panel = kernels.panel();
        let padded = block.next_multiple_of(panel);
        Self {
            rows: vec![0.; dim.next_multiple_of(panel) * block],
            columns: vec![0.; dim * padded],
            cosines: vec![0.; padded * block],
        }
    }

    /// The product of two blocks, each with the place of its first vector.
    fn tile(
        &mut self,
        kernels: &Kernels,
        vectors: &Vectors,
        (first_row, rows): (usize, &[usize]),
        (first_column, columns): (usize, &[usize]),
    ) -> Tile<'_> {
        let (dim, panel) = (vectors.dim(), kernels.panel());
        let stride = rows.len() * panel;
        for (row, &index) in rows.iter().enumerate() {
            for (part, numbers) in vectors.get(index).chunks(panel).enumerate() {
                self.rows[part * stride + row * panel..][..numbers.len()].copy_from_slice(numbers);
            }
        }
        for (column, &index) in columns.iter().enumerate() {
            let packed = &mut self.columns[column / panel * dim * panel..][..dim * panel];
            let packed = packed[column % panel..].iter_mut().step_by(panel);
            packed.zip(vectors.get(index)).for_each(|(packed, &number)| *packed = number);
        }
        // Columns that are left of another tile are computed too, and not visited.
        let panels = columns.len().div_ceil(panel);
        let cosines = &mut self.cosines[..panels * stride];
        kernels.matmul(Matmul {
            rows: rows.len(),
            depth: dim,
            input: Panels { data: &self.rows, stride },
            weights: Panels { data: &self.columns, stride: dim * panel },
            units: (),
            bias: None,
            add: false,
            panels,
            ahead: 0,
            output: PanelsMut { data: &mut *cosines, stride },
        });
        let (rows, columns) = (rows.len(), columns.len());
        Tile { first_row, first_column, rows, columns, panel, cosines }
    }
}
