//! How an image enters the tower: cut into patches, embedded, each with its position.

use std::ops::Range;

use super::{Matrix, Pass, Scratch, linear::Input};
use crate::{
    kernels::PanelsMut,
    model::cpu::{CpuTower, shape::Grid},
};

impl Pass<'_> {
    /// Writes the tokens of `images`, normalised by `ln_pre`, to the residual.
    pub fn embed_images(&self, image: &CpuTower, images: &[&[f32]], scratch: &mut Scratch) {
        // z0 = [class; x E] + E_pos                                                   (eq. 1)
        self.patches(&image.grid, images, &mut scratch.wide);
        let tokens = &mut scratch.narrow.singles;
        self.image_tokens(image, &scratch.wide, tokens);
        let residual = (&mut scratch.residual[..], &mut [][..]);
        self.norm(&image.ln_pre, tokens, &mut scratch.moments, self.rows(), residual);
    }

    /// The patches of `images`, `[images * patches, 3 * patch * patch]`.
    fn patches(&self, grid: &Grid, images: &[&[f32]], patches: &mut Matrix) {
        let shape = &self.tower.shape;
        let (panel, numbers) = (shape.panel, grid.numbers());
        let one = images.len() * grid.patches() * panel;
        self.each_panel(patches, shape.panels(numbers), one, |p, patches| {
            let end = ((p + 1) * panel).min(numbers);
            if end < (p + 1) * panel {
                // What other steps left there would count in the units of int8.
                patches.fill(0.);
            }
            self.patch_columns(grid, images, p * panel..end, patches);
        });
    }

    /// Some columns of all patches, which are one panel.
    fn patch_columns(
        &self,
        grid: &Grid,
        images: &[&[f32]],
        columns: Range<usize>,
        patches: &mut [f32],
    ) {
        let panel = self.tower.shape.panel;
        let (size, patch, side) = (grid.image_size, grid.patch, grid.side());
        let mut column = columns.start;
        while column < columns.end {
            // Numbers that lie side by side in the image.
            let (line, x) = (column / patch, column % patch);
            let (channel, y) = (line / patch, line % patch);
            let run = (patch - x).min(columns.end - column);
            for (row, to) in patches.chunks_exact_mut(panel).enumerate() {
                let (image, at) = (row / grid.patches(), row % grid.patches());
                let line = (channel * size + at / side * patch + y) * size;
                let from = &images[image][line + at % side * patch + x..];
                to[column - columns.start..][..run].copy_from_slice(&from[..run]);
            }
            column += run;
        }
    }

    /// The tokens of the embedded `patches`, with their positions.
    fn image_tokens(&self, image: &CpuTower, patches: &Matrix, tokens: &mut [f32]) {
        let Self { tower, crew, count: images, .. } = *self;
        let shape = &tower.shape;
        let (panel, count) = (shape.panel, image.grid.patches());
        let one = self.tokens * panel;
        let all = &mut tokens[..image.conv1.panels * images * one];
        crew.each_part(all, images * one, |p, tokens| {
            let positions = &tower.weights.singles[image.positions.clone()][p * one..][..one];
            for (place, tokens) in tokens.chunks_exact_mut(one).enumerate() {
                tokens.copy_from_slice(positions);
                let input = Input {
                    matrix: patches,
                    first: place * count * panel,
                    stride: images * count * panel,
                };
                let output = PanelsMut { data: &mut tokens[panel..], stride: one };
                self.one_panel((&image.conv1, p), count, input, output, true);
            }
        });
    }
}
