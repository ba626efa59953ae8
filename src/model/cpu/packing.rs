//! A checkpoint's tensors in the order in which the kernels read them, in one stretch of memory.

use std::ops::Range;

use candle_core::{CpuStorage, Error, Result, Storage, Tensor};
use candle_nn::VarBuilder;
use rayon::prelude::*;

use crate::{
    kernels::{
        Bf16, Int8, Number,
        int8::{self, LARGEST},
        memory::Memory,
    },
    model::device::Precision,
};

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
    /// In the memory of numbers in int8.
    Bytes {
        weights: Range<usize>,
        /// A unit for each column, in the memory of f32 numbers.
        units: Range<usize>,
        /// What the sums of each column begin with.
        offsets: Range<usize>,
    },
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

/// How many numbers the weights of a tower are, in each type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lens {
    pub singles: usize,
    pub halves: usize,
    pub bytes: usize,
    pub offsets: usize,
}

/// The weights of a tower.
#[derive(Debug)]
pub(super) struct Weights {
    pub singles: Memory<f32>,
    pub halves: Memory<Bf16>,
    pub bytes: Memory<Int8>,
    pub offsets: Vec<i32>,
}

/// Fills memory from its beginning.
pub(super) struct Packer {
    weights: Weights,
    /// What is filled.
    filled: Lens,
    /// What the matrices of layers are packed in.
    precision: Precision,
    panel: usize,
}

impl Packer {
    /// For so many numbers, the matrices of layers in `precision`, in panels of `panel` columns.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub fn new(lens: Lens, precision: Precision, panel: usize) -> Result<Self> {
        let weights = Weights {
            singles: Memory::zeros(lens.singles).map_err(Error::wrap)?,
            halves: Memory::zeros(lens.halves).map_err(Error::wrap)?,
            bytes: Memory::zeros(lens.bytes).map_err(Error::wrap)?,
            offsets: vec![0; lens.offsets],
        };
        let filled = Lens { singles: 0, halves: 0, bytes: 0, offsets: 0 };
        Ok(Self { weights, filled, precision, panel })
    }

    /// What was filled.
    pub fn finish(self) -> Weights {
        let Weights { singles, halves, bytes, offsets } = &self.weights;
        let lens = Lens {
            singles: singles.len(),
            halves: halves.len(),
            bytes: bytes.len(),
            offsets: offsets.len(),
        };
        debug_assert_eq!(self.filled, lens, "the sum of all layers is exact");
        self.weights
    }

    /// Packs `source` in f32, whose output columns are taken from `columns` and its input columns from
    /// `depths`.
    pub fn singles(
        &mut self,
        source: Source<'_>,
        columns: &[Option<usize>],
        depths: &[Option<usize>],
    ) -> Result<Range<usize>> {
        let range = take(&mut self.filled.singles, columns.len() * depths.len());
        let packed = &mut self.weights.singles[range.clone()];
        pack(source, (columns, self.panel), depths, |_, number| number, packed)?;
        Ok(range)
    }

    /// The same for the weights of a layer, times `scale`, in the precision of this tower.
    pub fn matrix(
        &mut self,
        source: Source<'_>,
        columns: &[Option<usize>],
        depths: &[Option<usize>],
        scale: impl Fn(usize) -> f32 + Sync,
    ) -> Result<Place> {
        let columns_of = (columns, self.panel);
        let Self { weights, filled, .. } = self;
        match self.precision {
            Precision::Bf16 => {
                let len = columns.len() * depths.len().next_multiple_of(Bf16::TOGETHER);
                let range = take(&mut filled.halves, len);
                let half = |column, number: f32| Bf16::from(number * scale(column));
                pack(source, columns_of, depths, half, &mut weights.halves[range.clone()])?;
                Ok(Place::Halves(range))
            }
            Precision::Int8 => self.bytes(source, columns, depths, scale),
            Precision::F32 | Precision::F16 => {
                let range = take(&mut filled.singles, columns.len() * depths.len());
                let single = |column, number: f32| number * scale(column);
                pack(source, columns_of, depths, single, &mut weights.singles[range.clone()])?;
                Ok(Place::Singles(range))
            }
        }
    }

    /// The same in int8, each column in a unit of its own.
    fn bytes(
        &mut self,
        source: Source<'_>,
        columns: &[Option<usize>],
        depths: &[Option<usize>],
        scale: impl Fn(usize) -> f32 + Sync,
    ) -> Result<Place> {
        let Self { weights: all, filled, panel, .. } = self;
        let panel = *panel;
        if depths.len() > int8::DEEPEST {
            candle_core::bail!(
                "a layer has {} inputs, and int8 sums {} at most; use --precision f32",
                depths.len(),
                int8::DEEPEST
            );
        }
        let depth = depths.len().next_multiple_of(Int8::TOGETHER);
        let weights = take(&mut filled.bytes, columns.len() * depth);
        let units = take(&mut filled.singles, columns.len());
        let offsets = take(&mut filled.offsets, columns.len());
        let unit = |numbers: &[f32], column: usize| {
            let rows = depths.iter().flatten();
            let rows = rows.map(|depth| numbers[column * source.column + depth * source.depth]);
            let largest = rows.fold(0., |largest: f32, number| largest.max(number.abs()));
            let largest = largest * scale(column).abs();
            if largest > 0. { largest / LARGEST } else { 1. }
        };
        let found: Vec<f32> = with_numbers(source.tensor, |numbers| {
            columns
                .par_iter()
                .map(|column| column.map_or(1., |column| unit(numbers, column)))
                .collect()
        })?;
        let mut of_column = vec![1.; columns.iter().flatten().max().map_or(0, |most| most + 1)];
        for (column, unit) in columns.iter().zip(&found) {
            if let Some(column) = column {
                of_column[*column] = scale(*column) / unit;
            }
        }
        let byte = |column: usize, number: f32| Int8::weight(number * of_column[column]);
        let bytes = &mut all.bytes[weights.clone()];
        pack(source, (columns, panel), depths, byte, bytes)?;
        // [panels][depth / together][panel][together]
        let offsets_of_panels = all.offsets[offsets.clone()].par_chunks_exact_mut(panel);
        offsets_of_panels.zip(bytes.par_chunks_exact(depth * panel)).for_each(
            |(offsets, bytes)| {
                let fours = bytes.as_chunks::<{ Int8::TOGETHER }>().0;
                for (column, offset) in offsets.iter_mut().enumerate() {
                    let weights = fours.iter().skip(column).step_by(panel);
                    *offset = int8::offset(weights.flatten().copied());
                }
            },
        );
        all.singles[units.clone()].copy_from_slice(&found);
        Ok(Place::Bytes { weights, units, offsets })
    }

    /// Packs a number for each of `columns`.
    pub fn row(
        &mut self,
        source: &Tensor,
        columns: &[Option<usize>],
        scale: impl Fn(usize) -> f32,
    ) -> Result<Range<usize>> {
        let range = take(&mut self.filled.singles, columns.len());
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

/// The next `len` places behind those that are `filled`.
fn take(filled: &mut usize, len: usize) -> Range<usize> {
    let range = *filled..*filled + len;
    *filled = range.end;
    range
}

/// Packs what `make` makes of the column and the number, for all numbers of `source`.
fn pack<T: Number + Send>(
    source: Source<'_>,
    (columns, panel): (&[Option<usize>], usize),
    depths: &[Option<usize>],
    make: impl Fn(usize, f32) -> T + Sync,
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
                    let from = column * source.column;
                    for (k, depth) in depths.iter().enumerate() {
                        if let Some(depth) = depth {
                            let number = numbers[from + depth * source.depth];
                            packed[(k / together * panel + c) * together + k % together] =
                                make(*column, number);
                        }
                    }
                }
            }
        });
    })
}

/// The numbers of `source`, row-major.
///
/// # Errors
/// When the system has not so much memory.
pub(super) fn copied(source: &Tensor) -> Result<Memory<f32>> {
    let mut memory = Memory::zeros(source.elem_count()).map_err(Error::wrap)?;
    with_numbers(source, |numbers| memory.copy_from_slice(numbers))?;
    Ok(memory)
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
    /// Cut behind `panels` panels of `one` numbers and `panel` columns.
    fn split_at(&self, panels: usize, one: usize, panel: usize) -> (Self, Self) {
        let cut = |range: &Range<usize>, one: usize| {
            let cut = range.start + panels * one;
            (range.start..cut, cut..range.end)
        };
        match self {
            Self::Singles(range) => {
                let (first, rest) = cut(range, one);
                (Self::Singles(first), Self::Singles(rest))
            }
            Self::Halves(range) => {
                let (first, rest) = cut(range, one);
                (Self::Halves(first), Self::Halves(rest))
            }
            Self::Bytes { weights, units, offsets } => {
                let (weights, weights_rest) = cut(weights, one);
                let (units, units_rest) = cut(units, panel);
                let (offsets, offsets_rest) = cut(offsets, panel);
                let rest =
                    Self::Bytes { weights: weights_rest, units: units_rest, offsets: offsets_rest };
                (Self::Bytes { weights, units, offsets }, rest)
            }
        }
    }

    /// Numbers of a panel of `depth` rows of `panel` columns.
    pub fn panel_len(&self, depth: usize, panel: usize) -> usize {
        match self {
            Self::Singles(_) => depth * panel,
            Self::Halves(_) => depth.next_multiple_of(Bf16::TOGETHER) * panel,
            Self::Bytes { .. } => depth.next_multiple_of(Int8::TOGETHER) * panel,
        }
    }
}

impl Linear {
    /// The layer's first `panels` panels as one, and the rest as another.
    pub fn split_at(&self, panels: usize, panel: usize) -> (Self, Self) {
        let one = self.weights.panel_len(self.depth, panel);
        let (first, rest) = self.weights.split_at(panels, one, panel);
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
