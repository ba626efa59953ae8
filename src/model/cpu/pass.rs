//! A group of images on its way through the tower, step by step.

mod linear;

use std::ops::Range;

use linear::Input;

use super::{
    Block, CpuTower,
    attention::Attention,
    packing::{Linear, Norm},
    scratch::{Matrix, Scratch},
};
use crate::kernels::{Bf16, Moments, Normalize, Panels, PanelsMut, crew::Crew};

pub(super) struct Pass<'a> {
    tower: &'a CpuTower,
    crew: &'a Crew,
    images: usize,
}

impl<'a> Pass<'a> {
    pub fn new(tower: &'a CpuTower, crew: &'a Crew, images: usize) -> Self {
        Self { tower, crew, images }
    }

    /// Embeds `images`, as many as the pass is for.
    pub fn run(&self, images: &[&[f32]], scratch: &mut Scratch, embeddings: &mut [f32]) {
        let tower = self.tower;
        // z0 = [class; x E] + E_pos                                                   (eq. 1)
        self.patches(images, &mut scratch.wide);
        let tokens = &mut scratch.narrow.singles;
        self.tokens(&scratch.wide, tokens);
        let (moments, rows) = (&mut scratch.moments, self.rows());
        self.norm(&tower.ln_pre, tokens, moments, rows, (&mut scratch.residual, &mut []));
        // z' = z + MSA(LN(z)),  z = z' + MLP(LN(z'))                            (eq. 2 and 3)
        let Some((last, all_but_last)) = tower.blocks.split_last() else { return };
        for block in all_but_last {
            self.block(block, scratch);
        }
        self.last_block(last, scratch);
        // y = LN(z_class) P                                                              (eq. 4)
        let Scratch { moments, class_residual, class_narrow, class_wide, .. } = scratch;
        let normal = (&mut class_narrow.singles[..], &mut [][..]);
        self.norm(&tower.ln_post, class_residual, moments, self.images, normal);
        self.linear(&tower.proj, self.images, class_narrow, &mut class_wide.singles, false);
        self.embeddings(&class_wide.singles, embeddings);
    }

    /// Tokens of all images.
    fn rows(&self) -> usize {
        self.images * self.tower.shape.tokens()
    }

    /// The patches of `images`, `[images * patches, 3 * patch * patch]`.
    fn patches(&self, images: &[&[f32]], patches: &mut Matrix) {
        let shape = &self.tower.shape;
        let (panel, numbers) = (shape.panel, shape.patch_numbers());
        let one = images.len() * shape.patches() * panel;
        self.each_panel(patches, shape.panels(numbers), one, |p, patches| {
            let end = ((p + 1) * panel).min(numbers);
            if end < (p + 1) * panel {
                // What other steps left there would count in the units of int8.
                patches.fill(0.);
            }
            self.patch_columns(images, p * panel..end, patches);
        });
    }

    /// Some columns of all patches, which are one panel.
    fn patch_columns(&self, images: &[&[f32]], columns: Range<usize>, patches: &mut [f32]) {
        let shape = &self.tower.shape;
        let (size, patch, grid) = (shape.image_size, shape.patch, shape.grid());
        let mut column = columns.start;
        while column < columns.end {
            // Numbers that lie side by side in the image.
            let (line, x) = (column / patch, column % patch);
            let (channel, y) = (line / patch, line % patch);
            let run = (patch - x).min(columns.end - column);
            for (row, to) in patches.chunks_exact_mut(shape.panel).enumerate() {
                let (image, at) = (row / shape.patches(), row % shape.patches());
                let line = (channel * size + at / grid * patch + y) * size;
                let from = &images[image][line + at % grid * patch + x..];
                to[column - columns.start..][..run].copy_from_slice(&from[..run]);
            }
            column += run;
        }
    }

    /// The tokens of the embedded `patches`, with their positions.
    fn tokens(&self, patches: &Matrix, tokens: &mut [f32]) {
        let Self { tower, crew, images } = *self;
        let shape = &tower.shape;
        let (panel, count) = (shape.panel, shape.patches());
        let one = shape.tokens() * panel;
        let all = &mut tokens[..tower.conv1.panels * images * one];
        crew.each_part(all, images * one, |p, tokens| {
            let positions = &tower.weights.singles[tower.positions.clone()][p * one..][..one];
            for (image, tokens) in tokens.chunks_exact_mut(one).enumerate() {
                tokens.copy_from_slice(positions);
                let input = Input {
                    matrix: patches,
                    first: image * count * panel,
                    stride: images * count * panel,
                };
                let output = PanelsMut { data: &mut tokens[panel..], stride: one };
                self.one_panel((&tower.conv1, p), count, input, output, true);
            }
        });
    }

    fn block(&self, block: &Block, scratch: &mut Scratch) {
        let Self { tower, crew, images } = *self;
        let shape = &tower.shape;
        let Scratch { residual, narrow, wide, attention, moments, .. } = scratch;
        let rows = self.rows();
        self.norm_before(&block.ln_1, residual, moments, rows, narrow);
        self.linear(&block.qkv, rows, narrow, &mut wide.singles, false);
        let part = shape.heads_panels() * rows * shape.panel;
        let attend = Attention {
            kernels: &tower.kernels,
            shape,
            images,
            asking: shape.tokens(),
            queries: &wide.singles[..part],
            keys: &wide.singles[part..][..part],
            values: &wide.singles[2 * part..][..part],
            mask: &tower.mask,
        };
        attend.run(crew, &mut narrow.singles[..part], attention);
        self.narrow(narrow, part, rows);
        self.linear(&block.out_proj, rows, narrow, residual, true);
        self.norm_before(&block.ln_2, residual, moments, rows, narrow);
        self.mlp(block, rows, narrow, wide, residual);
    }

    /// The last block, whose class tokens alone go on.
    fn last_block(&self, block: &Block, scratch: &mut Scratch) {
        let Self { tower, crew, images } = *self;
        let shape = &tower.shape;
        let Scratch { residual, narrow, wide, attention, moments, .. } = scratch;
        let Scratch { class_residual, class_narrow, class_wide, .. } = scratch;
        let (rows, panel) = (self.rows(), shape.panel);
        self.norm_before(&block.ln_1, residual, moments, rows, narrow);
        let heads = shape.heads_panels();
        let (queries, keys_values) = block.qkv.split_at(heads, panel);
        self.linear(&keys_values, rows, narrow, &mut wide.singles, false);
        self.class_tokens(&narrow.singles, &mut class_narrow.singles);
        self.narrow(class_narrow, shape.panels(shape.width) * images * panel, images);
        self.linear(&queries, images, class_narrow, &mut class_wide.singles, false);
        let (part, class_part) = (heads * rows * panel, heads * images * panel);
        let attend = Attention {
            kernels: &tower.kernels,
            shape,
            images,
            asking: 1,
            queries: &class_wide.singles[..class_part],
            keys: &wide.singles[..part],
            values: &wide.singles[part..][..part],
            mask: &tower.mask,
        };
        attend.run(crew, &mut class_narrow.singles[..class_part], attention);
        self.narrow(class_narrow, class_part, images);
        self.class_tokens(residual, class_residual);
        self.linear(&block.out_proj, images, class_narrow, class_residual, true);
        self.norm_before(&block.ln_2, class_residual, moments, images, class_narrow);
        self.mlp(block, images, class_narrow, class_wide, class_residual);
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

    /// The rows of the class tokens among those of all tokens.
    fn class_tokens(&self, tokens: &[f32], class: &mut [f32]) {
        let shape = &self.tower.shape;
        let (panel, stride) = (shape.panel, shape.tokens() * shape.panel);
        let tokens = tokens.chunks_exact(stride).map(|image| &image[..panel]);
        let count = shape.panels(shape.width) * self.images;
        for (class, token) in class.chunks_exact_mut(panel).zip(tokens).take(count) {
            class.copy_from_slice(token);
        }
    }

    /// Rows of L2 norm 1, out of panels.
    fn embeddings(&self, projected: &[f32], embeddings: &mut [f32]) {
        let shape = &self.tower.shape;
        for (row, embedding) in embeddings.chunks_exact_mut(shape.embed_dim).enumerate() {
            let panels = projected.chunks_exact(self.images * shape.panel);
            for (panel, embedding) in panels.zip(embedding.chunks_mut(shape.panel)) {
                let from = &panel[row * shape.panel..];
                embedding.copy_from_slice(&from[..embedding.len()]);
            }
            let square: f32 = embedding.iter().map(|number| number * number).sum();
            let norm = square.sqrt();
            embedding.iter_mut().for_each(|number| *number /= norm);
        }
    }
}
