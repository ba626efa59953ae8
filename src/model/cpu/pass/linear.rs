//! A layer's product, and what it reads: each in the type that the layer's weights are in.

use super::{Linear, Matrix, Pass};
use crate::{
    kernels::{FindUnits, Matmul, Panels, PanelsMut, int8::Units},
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
        let one = layer.weights.panel_len(depth, panel);
        match &layer.weights {
            Place::Singles(range) => tower.kernels.matmul(Matmul {
                rows,
                depth,
                input: Panels { data: &matrix.singles[first..], stride },
                weights: weights_of(&tower.weights.singles[range.clone()], p, one),
                units: (),
                bias,
                add,
                panels: 1,
                ahead,
                output,
            }),
            Place::Halves(range) => tower.kernels.matmul_bf16(Matmul {
                rows,
                depth,
                input: Panels { data: &matrix.halves[first..], stride },
                weights: weights_of(&tower.weights.halves[range.clone()], p, one),
                units: (),
                bias,
                add,
                panels: 1,
                ahead,
                output,
            }),
            Place::Bytes { weights, units, offsets } => tower.kernels.matmul_int8(Matmul {
                rows,
                depth,
                input: Panels { data: &matrix.bytes[first..], stride },
                weights: weights_of(&tower.weights.bytes[weights.clone()], p, one),
                units: Units {
                    rows: &matrix.units[first / panel..],
                    columns: &tower.weights.singles[units.clone()][p * panel..],
                    offsets: &tower.weights.offsets[offsets.clone()][p * panel..],
                },
                bias,
                add,
                panels: 1,
                ahead,
                output,
            }),
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

/// Panel `p` of a layer's weights, of `one` numbers.
fn weights_of<T>(weights: &[T], p: usize, one: usize) -> Panels<'_, T> {
    Panels { data: &weights[p * one..][..one], stride: one }
}
