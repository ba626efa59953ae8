//! What a forward pass writes on its way: allocated once for each worker.

use std::io;

use super::{GROUP, QUERIES, shape::Shape};
use crate::{
    kernels::{Bf16, Int8, memory::Memory},
    model::device::Precision,
};

/// A matrix that is made in f32, and read by layers in f32, in bf16 or in int8.
#[derive(Debug)]
pub(super) struct Matrix {
    pub singles: Memory<f32>,
    /// The same numbers where the layers read bf16, else none.
    pub halves: Memory<Bf16>,
    /// The same where they read int8, else none, in the units of their rows.
    pub bytes: Memory<Int8>,
    pub units: Vec<f32>,
}

impl Matrix {
    fn new(len: usize, rows: usize, precision: Precision) -> io::Result<Self> {
        let only = |wanted, len| if precision == wanted { len } else { 0 };
        Ok(Self {
            singles: Memory::zeros(len)?,
            halves: Memory::zeros(only(Precision::Bf16, len))?,
            bytes: Memory::zeros(only(Precision::Int8, len))?,
            units: vec![1.; only(Precision::Int8, rows)],
        })
    }
}

/// The matrices of a group of images or texts. Shapes: r rows, the tokens of all of them; all in panels.
#[derive(Debug)]
pub struct Scratch {
    /// `[r, width]`, what blocks add to.
    pub(super) residual: Memory<f32>,
    /// `[r, width]` or `[r, heads]`, what a block's layers read.
    pub(super) narrow: Matrix,
    /// `[r, 3 heads]`, `[r, mlp]` or the patches.
    pub(super) wide: Matrix,
    /// For each head its keys, turned, and the scores of some queries.
    pub(super) attention: Memory<f32>,
    /// Of each row, the mean and one over the deviation.
    pub(super) moments: Vec<[f32; 2]>,
    /// The same as the first three for the tokens alone that leave the last block.
    pub(super) leaving_residual: Memory<f32>,
    pub(super) leaving_narrow: Matrix,
    pub(super) leaving_wide: Matrix,
}

impl Scratch {
    /// For the tower of `shape`, whose layers read `precision` and whose images have `patches` numbers as
    /// patches in panels, a text none.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub(super) fn new(shape: &Shape, patches: usize, precision: Precision) -> io::Result<Self> {
        let panel = shape.panel;
        let rows = GROUP * shape.tokens;
        let wide = (shape.wide_panels() * rows * panel).max(GROUP * patches);
        let leaving = |panels: usize| panels * GROUP * panel;
        Ok(Self {
            residual: Memory::zeros(shape.panels(shape.width) * rows * panel)?,
            narrow: Matrix::new(shape.narrow_panels() * rows * panel, rows, precision)?,
            wide: Matrix::new(wide, rows, precision)?,
            attention: Memory::zeros(shape.heads * Self::head(shape))?,
            moments: vec![[0.; 2]; rows],
            leaving_residual: Memory::zeros(leaving(shape.panels(shape.width)))?,
            leaving_narrow: Matrix::new(leaving(shape.narrow_panels()), GROUP, precision)?,
            leaving_wide: Matrix::new(leaving(shape.wide_panels()), GROUP, precision)?,
        })
    }

    /// Numbers that a head takes of `attention`.
    pub(super) fn head(shape: &Shape) -> usize {
        shape.panels(shape.tokens) * shape.panel * (shape.head() + QUERIES)
    }

    /// Bytes of a worker's scratch, at most.
    pub(super) fn bytes(shape: &Shape, patches: usize) -> usize {
        let rows = GROUP * shape.tokens;
        let wide = (shape.wide_panels() * rows).max((GROUP * patches).div_ceil(shape.panel));
        let matrices = shape.narrow_panels() * (rows + GROUP) + wide + shape.wide_panels() * GROUP;
        let residuals = shape.panels(shape.width) * (rows + GROUP);
        let singles =
            (matrices + residuals) * shape.panel + shape.heads * Self::head(shape) + 2 * rows;
        singles * size_of::<f32>() + matrices * shape.panel * size_of::<Bf16>()
    }
}
