//! The matrix product that nearly all of the forward pass is, over matrices in panels.
//!
//! A matrix of activations stands in panels of some columns: `[columns / panel][rows][panel]`. So a
//! product leaves its output, and so the next one reads its input: the numbers that a tile needs at
//! a time lie at fixed distances from one pointer, and nothing is packed on the way. Weights stand
//! in panels of as many output columns, `[columns / panel][depth][panel]`, in the order of use.
//!
//! A tile of rows times a panel of columns stays in registers over a block of the depth. Tiles are of
//! nearly equal height, since a rest of a few rows would cost as much as a full tile.

use std::array;

use super::{
    memory,
    panels::{Panels, PanelsMut},
    product::{Number, Product},
    vector::Vector,
};

/// `output = input * weights + bias`, or that added to what `output` holds.
#[derive(Debug)]
pub struct Matmul<'a, T: Number = f32> {
    /// Rows of `input` and `output`.
    pub rows: usize,
    /// Columns of `input`.
    pub depth: usize,
    /// `[depth / panel][rows][panel]`, the last panel as far as `depth` goes.
    pub input: Panels<'a, T>,
    /// `[panels][depth][panel]`, or as [`Number::TOGETHER`] says.
    pub weights: Panels<'a, T>,
    /// What the numbers of a row, and those of a column, are in units of, where they have units.
    pub units: T::Units<'a>,
    /// A number for each column of `output`.
    pub bias: Option<&'a [f32]>,
    /// Whether `output` holds numbers to be added to.
    pub add: bool,
    /// Panels of `output`.
    pub panels: usize,
    /// How many panels of weights after one stand those that this thread uses next, in memory that
    /// may end before; 0 where they are at hand already.
    pub ahead: usize,
    /// `[panels][rows][panel]`.
    pub output: PanelsMut<'a>,
}

impl<T: Number> Matmul<'_, T> {
    /// Panics where a slice is too short for what the numbers say, for panels of `panel` columns.
    pub(super) fn check(&self, panel: usize) {
        let Self { rows, depth, panels, .. } = *self;
        self.input.check(depth.div_ceil(panel), [rows, panel]);
        self.weights.check(panels, [depth.next_multiple_of(T::TOGETHER), panel]);
        self.output.check(panels, [rows, panel]);
        T::check_units(&self.units, depth, rows, panels * panel);
        assert!(self.bias.is_none_or(|bias| bias.len() >= panels * panel), "a bias is too short");
    }
}

/// Computes `task` with tiles of at most `MOST` rows and panels of `N` registers.
///
/// # Safety
/// As [`Vector`]; and `task` must have passed [`Matmul::check`] with `N * P::Total::LANES`.
#[inline(always)]
pub(super) unsafe fn matmul<P: Product, const N: usize, const MOST: usize>(
    task: &mut Matmul<'_, P::Number>,
) {
    let panel = N * P::Total::LANES;
    let tiles = task.rows.div_ceil(MOST);
    let block =
        task.depth.div_ceil(task.depth.div_ceil(P::Number::BLOCK).max(1)).next_multiple_of(panel);
    // A depth of nothing still has a bias to write.
    let blocks = task.depth.div_ceil(block.max(1)).max(1);
    for (column, done) in (0..task.panels).flat_map(|c| (0..blocks).map(move |b| (c, b * block))) {
        let mut row = 0;
        for tile in 0..tiles {
            // What is left, shared among the tiles that are left.
            let height = (task.rows - row).div_ceil(tiles - tile);
            // SAFETY: the rows and columns are within what was checked.
            unsafe {
                let depth = block.min(task.depth - done);
                let input = done / panel * task.input.stride + row * panel;
                let weights = task.weights.data.as_ptr().add(column * task.weights.stride);
                let next = if done + depth < task.depth {
                    weights.wrapping_add((done + depth) * panel)
                } else {
                    weights.wrapping_add(task.ahead * task.weights.stride)
                };
                let bias = task.bias.filter(|_| done == 0);
                let corner = Corner {
                    units: task.units,
                    row,
                    column: column * panel,
                    depth,
                    input: task.input.data.as_ptr().add(input),
                    stride: task.input.stride,
                    weights: weights.add(done * panel),
                    next: next.wrapping_add(depth * tile / tiles * panel),
                    share: if task.ahead == 0 { 0 } else { panel * panel / tiles },
                    bias: bias.map(|bias| bias.as_ptr().add(column * panel)),
                    add: task.add || done > 0,
                    output: task
                        .output
                        .data
                        .as_mut_ptr()
                        .add(column * task.output.stride + row * panel),
                };
                corner.tile_of::<P, N>(height);
            }
            row += height;
        }
    }
}

/// Where a tile begins.
struct Corner<'a, T: Number> {
    units: T::Units<'a>,
    row: usize,
    column: usize,
    depth: usize,
    input: *const T,
    /// From a panel of the input to the next.
    stride: usize,
    weights: *const T,
    /// The tile's share of the weights in use next, which are called while the tile is computed, so that
    /// nobody waits for them. May lie behind the last.
    next: *const T,
    /// How many of them for each panel of depth.
    share: usize,
    bias: Option<*const f32>,
    add: bool,
    output: *mut f32,
}

impl<T: Number> Corner<'_, T> {
    /// The tile of `height` rows.
    ///
    /// # Safety
    /// As [`Self::tile`].
    #[inline(always)]
    unsafe fn tile_of<P: Product<Number = T>, const N: usize>(&self, height: usize) {
        // SAFETY: handed on.
        unsafe {
            match height {
                1 => self.tile::<P, 1, N>(),
                2 => self.tile::<P, 2, N>(),
                3 => self.tile::<P, 3, N>(),
                4 => self.tile::<P, 4, N>(),
                5 => self.tile::<P, 5, N>(),
                6 => self.tile::<P, 6, N>(),
                7 => self.tile::<P, 7, N>(),
                8 => self.tile::<P, 8, N>(),
                9 => self.tile::<P, 9, N>(),
                10 => self.tile::<P, 10, N>(),
                11 => self.tile::<P, 11, N>(),
                12 => self.tile::<P, 12, N>(),
                13 => self.tile::<P, 13, N>(),
                14 => self.tile::<P, 14, N>(),
                _ => unreachable!("no instruction set has registers for {height} rows"),
            }
        }
    }

    /// A tile of `R` rows and `N` registers of columns.
    ///
    /// # Safety
    /// As [`Vector`]; and the tile lies within all matrices.
    #[inline(always)]
    unsafe fn tile<P: Product<Number = T>, const R: usize, const N: usize>(&self) {
        let panel = N * P::Total::LANES;
        // SAFETY: all offsets are of numbers within the tile.
        unsafe {
            let zeros: [P::Sum; N] =
                array::from_fn(|n| P::zero(&self.units, self.column + n * P::Total::LANES));
            let mut sums = [zeros; R];
            let (mut input, mut weights, mut next) = (self.input, self.weights, self.next);
            let mut left = self.depth;
            while left >= panel {
                for k in (0..panel).step_by(T::TOGETHER) {
                    step::<P, R, N>(&mut sums, input.add(k), panel, weights.add(k * panel));
                }
                memory::prefetch(next, self.share);
                next = next.wrapping_add(self.share);
                input = input.wrapping_add(self.stride);
                weights = weights.add(panel * panel);
                left -= panel;
            }
            for k in (0..left).step_by(T::TOGETHER) {
                step::<P, R, N>(&mut sums, input.add(k), panel, weights.add(k * panel));
            }
            // Loops as small as these are unrolled, so that the sums stay in registers.
            let mut totals = [[P::Total::splat(0.); N]; R];
            for r in 0..R {
                for n in 0..N {
                    let at = (self.row + r, self.column + n * P::Total::LANES);
                    totals[r][n] = P::total(sums[r][n], &self.units, at);
                }
            }
            if let Some(bias) = self.bias {
                for n in 0..N {
                    let bias = P::Total::load(bias.add(n * P::Total::LANES));
                    for totals in &mut totals {
                        totals[n] = totals[n].add(bias);
                    }
                }
            }
            for (r, totals) in totals.iter().enumerate() {
                for (n, &total) in totals.iter().enumerate() {
                    let to = self.output.add(r * panel + n * P::Total::LANES);
                    let total = if self.add { total.add(P::Total::load(to)) } else { total };
                    total.store(to);
                }
            }
        }
    }
}

/// Adds what is multiplied together of each row of the input, and of the weights, to the tile.
///
/// # Safety
/// As [`Vector`]; `input` points to such numbers of `R` rows that are `panel` apart, `weights` to those
/// of a panel's columns.
#[inline(always)]
unsafe fn step<P: Product, const R: usize, const N: usize>(
    sums: &mut [[P::Sum; N]; R],
    input: *const P::Number,
    panel: usize,
    weights: *const P::Number,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let register = P::Total::LANES * P::Number::TOGETHER;
        let weights: [P::Factor; N] = array::from_fn(|n| P::load(weights.add(n * register)));
        for (r, sums) in sums.iter_mut().enumerate() {
            let number = P::spread(input.add(r * panel));
            for n in 0..N {
                sums[n] = P::add(sums[n], number, weights[n]);
            }
        }
    }
}
