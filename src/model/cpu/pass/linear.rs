//! A layer's product, and what it reads: each in the type that the layer's weights are in.

use super::{Linear, Matrix, Pass};
use crate::{
    kernels::{FindUnits, Matmul, Number, Panels, PanelsMut, int8::Units},
    model::cpu::packing::Place,
};

/// Rows whose units one thread finds at a time.
const UNITS: usize = 16;

/// Rows of a matrix that a layer reads.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub matrix: &'a Matrix,
    /// Where the first row begins in the first panel.
    pub first: usize,
    /// From a panel to the next.
    pub stride: usize,
}

impl Pass<'_> {
    /// Panel `p` of what a layer makes of `rows` rows, or that added to `output`.
    pub(super) fn one_panel(
        &self,
        (layer, p): (&Linear, usize),
        rows: usize,
        Input { matrix, first, stride }: Input<'_>,
        output: PanelsMut<'_>,
        add: bool,
    ) {
        let tower = self.tower;
        let (panel, depth) = (tower.shape.panel, layer.depth);
        // The panels between are for the others.
        let ahead = self.crew.members() + 1;
        let bias = layer.bias.as_ref();
        let bias = bias.map(|bias| &tower.weights.singles[bias.clone()][p * panel..]);
        let task = Task { rows, depth, stride, bias, add, ahead, output };
        let one = layer.weights.panel_len(depth, panel);
        let part = p * one..(p + 1) * one;
        let (kernels, weights) = (&tower.kernels, &tower.weights);
        match &layer.weights {
            Place::Singles(range) => {
                let weights = &weights.singles[range.clone()][part];
                kernels.matmul(task.of(&matrix.singles[first..], weights, ()));
            }
            Place::Halves(range) => {
                let weights = &weights.halves[range.clone()][part];
                kernels.matmul_bf16(task.of(&matrix.halves[first..], weights, ()));
            }
            Place::Bytes { weights: range, units, offsets } => {
                let units = Units {
                    rows: &matrix.units[first / panel..],
                    columns: &weights.singles[units.clone()][p * panel..],
                    offsets: &weights.offsets[offsets.clone()][p * panel..],
                };
                let weights = &weights.bytes[range.clone()][part];
                kernels.matmul_int8(task.of(&matrix.bytes[first..], weights, units));
            }
        }
    }

    /// Makes of the first `len` numbers of `matrix` what layers read.
    pub(super) fn narrow(&self, matrix: &mut Matrix, len: usize, rows: usize) {
        let stride = rows * self.tower.shape.panel;
        self.quantize(matrix, len / stride, rows);
        let Matrix { singles, halves, .. } = matrix;
        if !halves.is_empty() {
            self.crew.each_part(&mut halves[..len], stride, |p, halves| {
                self.tower.kernels.narrow(&singles[p * stride..][..halves.len()], halves);
            });
        }
    }

    /// Makes bytes of the first `panels` panels of `matrix` where layers read int8: only when all
    /// panels are there, a row's unit is known.
    pub(super) fn quantize(&self, matrix: &mut Matrix, panels: usize, rows: usize) {
        let Matrix { singles, bytes, units, .. } = matrix;
        if bytes.is_empty() {
            return;
        }
        let (kernels, panel) = (&self.tower.kernels, self.tower.shape.panel);
        let (stride, units) = (rows * panel, &mut units[..rows]);
        self.crew.each_part(units, UNITS, |i, units| {
            let input = Panels { data: &singles[i * UNITS * panel..], stride };
            kernels.find_units(FindUnits { panels, input, units });
        });
        let units = &*units;
        self.crew.each_part(&mut bytes[..panels * stride], stride, |p, bytes| {
            kernels.quantize(&singles[p * stride..][..stride], units, bytes);
        });
    }
}

/// What a product of one panel of weights is, whatever it is in.
struct Task<'a> {
    rows: usize,
    depth: usize,
    /// From a panel of the input to the next.
    stride: usize,
    bias: Option<&'a [f32]>,
    add: bool,
    ahead: usize,
    output: PanelsMut<'a>,
}

impl<'a> Task<'a> {
    fn of<T: Number>(self, input: &'a [T], weights: &'a [T], units: T::Units<'a>) -> Matmul<'a, T> {
        let Self { rows, depth, stride, bias, add, ahead, output } = self;
        let input = Panels { data: input, stride };
        let weights = Panels { data: weights, stride: weights.len() };
        Matmul { rows, depth, input, weights, units, bias, add, panels: 1, ahead, output }
    }
}
