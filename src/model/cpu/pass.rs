//! A group of images or texts on its way through the blocks of a tower, step by step.

mod linear;
mod patches;
mod tokens;

use linear::Input;

use super::{
    attention::{Attention, Seen},
    packing::{Linear, Norm},
    scratch::{Matrix, Scratch},
    transformer::{Block, Transformer},
};
use crate::kernels::{Bf16, Moments, Normalize, Panels, PanelsMut, crew::Crew};

pub(super) struct Pass<'a> {
    pub tower: &'a Transformer,
    pub crew: &'a Crew,
    /// Images or texts.
    pub count: usize,
    /// Tokens of each, at most those of the tower's shape.
    pub tokens: usize,
    pub seen: Seen<'a>,
}

impl Pass<'_> {
    /// The projections `[count, e]` of the sequences whose embedded tokens are the residual, in scratch.
    pub fn run(&self, scratch: &mut Scratch, projections: &mut [f32]) {
        let tower = self.tower;
        // z' = z + MSA(LN(z)),  z = z' + MLP(LN(z'))                            (eq. 2 and 3)
        let Some((last, all_but_last)) = tower.blocks.split_last() else { return };
        for block in all_but_last {
            self.block(block, scratch);
        }
        self.last_block(last, scratch);
        // y = LN(z_leaving) P                                                            (eq. 4)
        let Scratch { moments, leaving_residual, leaving_narrow, leaving_wide, .. } = scratch;
        let normal = (&mut leaving_narrow.singles[..], &mut [][..]);
        self.norm(&tower.ln_last, leaving_residual, moments, self.count, normal);
        self.linear(&tower.proj, self.count, leaving_narrow, &mut leaving_wide.singles, false);
        self.projections(&leaving_wide.singles, projections);
    }

    /// Tokens of all sequences.
    fn rows(&self) -> usize {
        self.count * self.tokens
    }

    fn block(&self, block: &Block, scratch: &mut Scratch) {
        let Self { tower, crew, count, tokens, seen } = *self;
        let shape = &tower.shape;
        let Scratch { residual, narrow, wide, attention, moments, .. } = scratch;
        let rows = self.rows();
        self.norm_before(&block.ln_1, residual, moments, rows, narrow);
        self.linear(&block.qkv, rows, narrow, &mut wide.singles, false);
        let part = shape.heads_panels() * rows * shape.panel;
        let attend = Attention {
            kernels: &tower.kernels,
            shape,
            count,
            tokens,
            asking: tokens,
            queries: &wide.singles[..part],
            keys: &wide.singles[part..][..part],
            values: &wide.singles[2 * part..][..part],
            seen,
        };
        attend.run(crew, &mut narrow.singles[..part], attention);
        self.narrow(narrow, part, rows);
        self.linear(&block.out_proj, rows, narrow, residual, true);
        self.norm_before(&block.ln_2, residual, moments, rows, narrow);
        self.mlp(block, rows, narrow, wide, residual);
    }

    /// The last block, of whose tokens one of each sequence goes on.
    fn last_block(&self, block: &Block, scratch: &mut Scratch) {
        let Self { tower, crew, count, tokens, seen } = *self;
        let shape = &tower.shape;
        let Scratch { residual, narrow, wide, attention, moments, .. } = scratch;
        let Scratch { leaving_residual, leaving_narrow, leaving_wide, .. } = scratch;
        let (rows, panel) = (self.rows(), shape.panel);
        self.norm_before(&block.ln_1, residual, moments, rows, narrow);
        let heads = shape.heads_panels();
        let (queries, keys_values) = block.qkv.split_at(heads, panel);
        self.linear(&keys_values, rows, narrow, &mut wide.singles, false);
        self.leaving_tokens(&narrow.singles, &mut leaving_narrow.singles);
        self.narrow(leaving_narrow, shape.panels(shape.width) * count * panel, count);
        self.linear(&queries, count, leaving_narrow, &mut leaving_wide.singles, false);
        let (part, leaving_part) = (heads * rows * panel, heads * count * panel);
        let attend = Attention {
            kernels: &tower.kernels,
            shape,
            count,
            tokens,
            asking: 1,
            queries: &leaving_wide.singles[..leaving_part],
            keys: &wide.singles[..part],
            values: &wide.singles[part..][..part],
            seen,
        };
        attend.run(crew, &mut leaving_narrow.singles[..leaving_part], attention);
        self.narrow(leaving_narrow, leaving_part, count);
        self.leaving_tokens(residual, leaving_residual);
        self.linear(&block.out_proj, count, leaving_narrow, leaving_residual, true);
        self.norm_before(&block.ln_2, leaving_residual, moments, count, leaving_narrow);
        self.mlp(block, count, leaving_narrow, leaving_wide, leaving_residual);
    }

    /// `residual += c_proj(act(c_fc(input)))`.
    fn mlp(
        &self,
        block: &Block,
        rows: usize,
        input: &Matrix,
        wide: &mut Matrix,
        residual: &mut [f32],
    ) {
        let tower = self.tower;
        let stride = rows * tower.shape.panel;
        self.each_panel(wide, block.c_fc.panels, stride, |p, wide| {
            let input = Input { matrix: input, first: 0, stride };
            let output = PanelsMut { data: &mut *wide, stride };
            self.one_panel((&block.c_fc, p), rows, input, output, false);
            tower.kernels.activate(tower.activation, wide);
        });
        self.linear(&block.c_proj, rows, wide, residual, true);
    }

    /// The layer norm of the first `rows` rows of `input`, for layers that follow.
    fn norm_before(
        &self,
        norm: &Norm,
        input: &[f32],
        moments: &mut [[f32; 2]],
        rows: usize,
        output: &mut Matrix,
    ) {
        self.norm(norm, input, moments, rows, (&mut output.singles, &mut output.halves));
        self.quantize(output, self.tower.shape.panels(self.tower.shape.width), rows);
    }

    /// The layer norm of the first `rows` rows of `input`, in f32 and, unless it is empty, in bf16.
    fn norm(
        &self,
        norm: &Norm,
        input: &[f32],
        moments: &mut [[f32; 2]],
        rows: usize,
        (singles, halves): (&mut [f32], &mut [Bf16]),
    ) {
        let tower = self.tower;
        let shape = &tower.shape;
        let (panel, stride) = (shape.panel, rows * shape.panel);
        let moments = &mut moments[..rows];
        tower.kernels.moments(Moments {
            columns: shape.width,
            input: Panels { data: input, stride },
            epsilon: shape.epsilon,
            output: moments,
        });
        let moments = &*moments;
        let weights = &tower.weights.singles;
        self.each_panel_of(singles, halves, shape.panels(shape.width), stride, |p, output| {
            tower.kernels.normalize(Normalize {
                moments,
                input: &input[p * stride..][..stride],
                weight: &weights[norm.weight.clone()][p * panel..],
                bias: &weights[norm.bias.clone()][p * panel..],
                output,
            });
        });
    }

    /// `layer` of the first `rows` rows of `input`, or that added to `output`.
    fn linear(&self, layer: &Linear, rows: usize, input: &Matrix, output: &mut [f32], add: bool) {
        let tower = self.tower;
        let stride = rows * tower.shape.panel;
        self.crew.each_part(&mut output[..layer.panels * stride], stride, |p, output| {
            let input = Input { matrix: input, first: 0, stride };
            self.one_panel((layer, p), rows, input, PanelsMut { data: output, stride }, add);
        });
    }

    /// Has `make` fill each of the first `panels` panels of `matrix`, for layers that follow.
    fn each_panel(
        &self,
        matrix: &mut Matrix,
        panels: usize,
        stride: usize,
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        self.each_panel_of(&mut matrix.singles, &mut matrix.halves, panels, stride, make);
        self.quantize(matrix, panels, stride / self.tower.shape.panel);
    }

    fn each_panel_of(
        &self,
        singles: &mut [f32],
        halves: &mut [Bf16],
        panels: usize,
        stride: usize,
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let len = panels * stride;
        let halves_len = len.min(halves.len());
        let halves = (&mut halves[..halves_len], stride);
        self.crew.each_part_of_two((&mut singles[..len], stride), halves, |p, singles, halves| {
            make(p, singles);
            if !halves.is_empty() {
                self.tower.kernels.narrow(singles, halves);
            }
        });
    }

    /// The rows of the tokens that leave among those of all tokens.
    fn leaving_tokens(&self, tokens: &[f32], leaving: &mut [f32]) {
        let shape = &self.tower.shape;
        let (panel, stride) = (shape.panel, self.rows() * shape.panel);
        let panels = leaving.chunks_exact_mut(self.count * panel).zip(tokens.chunks_exact(stride));
        for (leaving, tokens) in panels.take(shape.panels(shape.width)) {
            for (sequence, leaving) in leaving.chunks_exact_mut(panel).enumerate() {
                let place = match self.seen {
                    Seen::All(_) => 0,
                    Seen::Before(leaving) => leaving[sequence],
                };
                let token = &tokens[(sequence * self.tokens + place) * panel..];
                leaving.copy_from_slice(&token[..panel]);
            }
        }
    }

    /// Rows out of panels.
    fn projections(&self, projected: &[f32], projections: &mut [f32]) {
        let shape = &self.tower.shape;
        for (row, projection) in projections.chunks_exact_mut(shape.embed_dim).enumerate() {
            let panels = projected.chunks_exact(self.count * shape.panel);
            for (panel, projection) in panels.zip(projection.chunks_mut(shape.panel)) {
                let from = &panel[row * shape.panel..];
                projection.copy_from_slice(&from[..projection.len()]);
            }
        }
    }
}
