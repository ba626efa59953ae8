//! A checkpoint's tensors in the order in which the kernels read them, in one stretch of memory.

use std::ops::Range;

use candle_core::{CpuStorage, Error, Result, Storage, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use crate::kernels::{Bf16, Number, memory::Memory};

/// A layer's weights `[panels][depth][panel]` and its bias `[panels][panel]`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub weights: Place,
    /// In the memory of f32 numbers.
    pub bias: Option<Range<usize>>,
    pub depth: usize,
    pub panels: usize,
}

/// Where a matrix lies.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the memory of f32 numbers.
    Singles(Range<usize>),
    /// In the memory of numbers in bf16.
    Halves(Range<usize>),
}

/// A layer norm's weight and bias; beyond the last column they are zero.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

/// A matrix of a checkpoint, and how its numbers are asked for.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub tensor: &'a Tensor,
    /// From the number for one output column to that for the next.
    pub column: usize,
    /// From the number for one input column to that for the next.
    pub depth: usize,
}

/// Which columns or rows of a checkpoint's matrix are packed, in order; none is a zero.
pub(super) type Places = Vec<Option<usize>>;

/// The weights of a tower.
#[derive(Debug)]
pub(super) struct Weights {
    pub singles: Memory<f32>,
    pub halves: Memory<Bf16>,
}

/// Fills memory from its beginning.
pub(super) struct Packer {
    weights: Weights,
    singles: usize,
    halves: usize,
    panel: usize,
}

impl Packer {
    /// For so many numbers in f32 and in bf16, in panels of `panel` columns.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub fn new(singles: usize, halves: usize, panel: usize) -> Result<Self> {
        let weights = Weights {
            singles: Memory::zeros(singles).map_err(Error::wrap)?,
            halves: Memory::zeros(halves).map_err(Error::wrap)?,
        };
        Ok(Self { weights, singles: 0, halves: 0, panel })
    }

    /// What was filled.
    pub fn finish(self) -> Weights {
        debug_assert_eq!(
            self.singles,
            self.weights.singles.len(),
            "the sum of all layers is exact"
        );
        debug_assert_eq!(self.halves, self.weights.halves.len(), "likewise");
        self.weights
    }

    fn take(&mut self, len: usize) -> Range<usize> {
        let range = self.singles..self.singles + len;
        self.singles = range.end;
        range
    }

    /// Packs `source` in f32, whose output columns are taken from `columns` and its input columns from
    /// `depths`.
    pub fn singles(
        &mut self,
        source: Source<'_>,
        columns: &[Option<usize>],
        depths: &[Option<usize>],
    ) -> Result<Range<usize>> {
        let range = self.take(columns.len() * depths.len());
        let packed = &mut self.weights.singles[range.clone()];
        pack(source, (columns, self.panel), depths, |_| 1., packed)?;
        Ok(range)
    }

    /// The same for the weights of a layer, times `scale`, in bf16 if this tower has such.
    pub fn matrix(
        &mut self,
        source: Source<'_>,
        columns: &[Option<usize>],
        depths: &[Option<usize>],
        scale: impl Fn(usize) -> f32 + Sync,
    ) -> Result<Place> {
        let columns_of = (columns, self.panel);
        if self.weights.halves.is_empty() {
            let range = self.take(columns.len() * depths.len());
            pack(source, columns_of, depths, scale, &mut self.weights.singles[range.clone()])?;
            return Ok(Place::Singles(range));
        }
        let len = columns.len() * depths.len().next_multiple_of(Bf16::TOGETHER);
        let range = self.halves..self.halves + len;
        self.halves = range.end;
        pack(source, columns_of, depths, scale, &mut self.weights.halves[range.clone()])?;
        Ok(Place::Halves(range))
    }

    /// Packs a number for each of `columns`.
    pub fn row(
        &mut self,
        source: &Tensor,
        columns: &[Option<usize>],
        scale: impl Fn(usize) -> f32,
    ) -> Result<Range<usize>> {
        let range = self.take(columns.len());
        let packed = &mut self.weights.singles[range.clone()];
        with_numbers(source, |numbers| {
            for (packed, column) in packed.iter_mut().zip(columns) {
                *packed = column.map_or(0., |column| numbers[column] * scale(column));
            }
        })?;
        Ok(range)
    }

    /// `vb`'s layer norm of `width` columns.
    pub fn norm(&mut self, width: usize, vb: &VarBuilder<'_>) -> Result<Norm> {
        let columns = places(width, self.panel);
        let weight = self.row(&vb.get(width, "weight")?, &columns, |_| 1.)?;
        let bias = self.row(&vb.get(width, "bias")?, &columns, |_| 1.)?;
        Ok(Norm { weight, bias })
    }

    /// `vb`'s layer from `depth` to `width` columns.
    pub fn linear(
        &mut self,
        (depth, depths): (usize, &[Option<usize>]),
        width: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Linear> {
        let columns = places(width, self.panel);
        let tensor = &vb.get((width, depth), "weight")?;
        let source = Source { tensor, column: depth, depth: 1 };
        let weights = self.matrix(source, &columns, depths, |_| 1.)?;
        let bias = Some(self.row(&vb.get(width, "bias")?, &columns, |_| 1.)?);
        Ok(Linear { weights, bias, depth: depths.len(), panels: columns.len() / self.panel })
    }
}

/// Numbers of a cache line.
const LINE: usize = 16;

/// Columns `0..width`, then nothing up to the end of the panel.
pub(super) fn places(width: usize, panel: usize) -> Places {
    (0..width.next_multiple_of(panel)).map(|column| (column < width).then_some(column)).collect()
}

/// Packs `source` times `scale`.
fn pack<T: Number + From<f32> + Send>(
    source: Source<'_>,
    (columns, panel): (&[Option<usize>], usize),
    depths: &[Option<usize>],
    scale: impl Fn(usize) -> f32 + Sync,
    packed: &mut [T],
) -> Result<()> {
    let together = T::TOGETHER;
    let one = depths.len().next_multiple_of(together) * panel;
    with_numbers(source.tensor, |numbers| {
        packed.par_chunks_mut(one).zip(columns.par_chunks(panel)).for_each(|(packed, columns)| {
            // A cache line of each column at a time.
            for (depths, packed) in depths.chunks(LINE).zip(packed.chunks_mut(LINE * panel)) {
                for (c, column) in columns.iter().enumerate() {
                    let Some(column) = column else { continue };
                    let (from, scale) = (column * source.column, scale(*column));
                    for (k, depth) in depths.iter().enumerate() {
                        if let Some(depth) = depth {
                            let number = numbers[from + depth * source.depth] * scale;
                            packed[(k / together * panel + c) * together + k % together] =
                                number.into();
                        }
                    }
                }
            }
        });
    })
}

fn with_numbers<T>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(numbers)), Some((start, end))) => {
            Ok(read(&numbers[start..end]))
        }
        _ => candle_core::bail!("weights for the CPU are f32 on the CPU"),
    }
}

impl Place {
    /// Cut behind `len` numbers.
    fn split_at(&self, len: usize) -> (Self, Self) {
        let cut = |range: &Range<usize>| {
            let cut = range.start + len;
            (range.start..cut, cut..range.end)
        };
        match self {
            Self::Singles(range) => {
                let (first, rest) = cut(range);
                (Self::Singles(first), Self::Singles(rest))
            }
            Self::Halves(range) => {
                let (first, rest) = cut(range);
                (Self::Halves(first), Self::Halves(rest))
            }
        }
    }

    /// Numbers of a panel of `depth` rows of `panel` columns.
    pub fn panel_len(&self, depth: usize, panel: usize) -> usize {
        match self {
            Self::Singles(_) => depth * panel,
            Self::Halves(_) => depth.next_multiple_of(Bf16::TOGETHER) * panel,
        }
    }
}

impl Linear {
    /// The layer's first `panels` panels as one, and the rest as another.
    pub fn split_at(&self, panels: usize, panel: usize) -> (Self, Self) {
        let (first, rest) =
            self.weights.split_at(panels * self.weights.panel_len(self.depth, panel));
        let bias_cut = |bias: &Range<usize>| bias.start + panels * panel;
        let bias = self.bias.as_ref();
        let first = Self {
            weights: first,
            bias: bias.map(|bias| bias.start..bias_cut(bias)),
            depth: self.depth,
            panels,
        };
        let rest = Self {
            weights: rest,
            bias: bias.map(|bias| bias_cut(bias)..bias.end),
            depth: self.depth,
            panels: self.panels - panels,
        };
        (first, rest)
    }
}
