//! CLIP's towers on a CPU: what [`vision`](super::vision) and [`text`](super::text) compute on tensors,
//! here on packed weights with the kernels of this processor, and without an allocation on the way.
//!
//! Images, and texts, go through in groups of up to [`GROUP`], whose weights are read once; a [`Crew`]
//! shares the work of a group by panels of columns. In the last block only one token of each goes on
//! behind the keys and values, since nothing else leaves it. Shapes: r rows, the tokens of a group.

mod attention;
mod packing;
mod pass;
mod scratch;
mod shape;
mod text;
mod transformer;

use std::ops::Range;

use attention::{MASKED, Seen};
use candle_core::Result;
use candle_nn::VarBuilder;
use packing::{Linear, Norm, Source, places};
use pass::Pass;
pub use scratch::Scratch;
use shape::{Grid, Shape};
pub use text::{CpuTextTower, text_scratch_bytes};
use transformer::{Plan, Transformer};

use super::{
    architecture::{Activation, Architecture},
    device::Precision,
};
use crate::kernels::{Kernels, crew::Crew};

/// Images or texts whose weights are read once. More would not fit into caches, and gain nothing.
pub const GROUP: usize = 4;

/// Queries whose scores are kept at a time.
const QUERIES: usize = 64;

/// The image tower with its weights.
#[derive(Debug)]
pub struct CpuTower {
    transformer: Transformer,
    grid: Grid,
    conv1: Linear,
    /// `[panels][tokens][panel]`, the class embedding added to the first.
    positions: Range<usize>,
    /// A number for each token of whole panels.
    mask: Vec<f32>,
    ln_pre: Norm,
}

impl CpuTower {
    /// Packs the weights of `architecture` from `vb`, f32 under open_clip's names for `visual.`, for
    /// `kernels`, the matrices of layers in `precision`.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape, or the memory for them is, or where there are no
    /// kernels for this precision.
    pub fn new(
        architecture: &Architecture,
        activation: Activation,
        (kernels, precision): (Kernels, Precision),
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let (shape, grid) = (Shape::vision(architecture, &kernels), Grid::new(architecture));
        let (panel, width, tokens) = (shape.panel, shape.width, shape.tokens);
        let (layers, patch) = (architecture.vision.layers, grid.numbers());
        let plan = Plan { kernels, precision, activation, shape, layers, patch: Some(patch) };
        let mut packer = plan.packer()?;
        let columns = places(width, panel);
        let conv1 = &vb.get((width, 3, grid.patch, grid.patch), "conv1.weight")?;
        let source = Source { tensor: conv1, column: patch, depth: 1 };
        let depths: Vec<_> = (0..patch).map(Some).collect();
        let conv1 = Linear {
            weights: packer.matrix(source, &columns, &depths, |_| 1.)?,
            bias: None,
            depth: patch,
            panels: columns.len() / panel,
        };
        let positional = &vb.get((tokens, width), "positional_embedding")?;
        let class = vb.get(width, "class_embedding")?.unsqueeze(0)?;
        let first = (positional.narrow(0, 0, 1)? + class)?;
        let rest = positional.narrow(0, 1, tokens - 1)?;
        let positional = &candle_core::Tensor::cat(&[&first, &rest], 0)?;
        let source = Source { tensor: positional, column: 1, depth: width };
        let depths: Vec<_> = (0..tokens).map(Some).collect();
        let positions = packer.singles(source, &columns, &depths)?;
        let ln_pre = packer.norm(width, &vb.pp("ln_pre"))?;
        let blocks = vb.pp("transformer.resblocks");
        let proj = &vb.get((width, shape.embed_dim), "proj")?;
        let transformer = plan.finish(packer, &blocks, &vb.pp("ln_post"), proj)?;
        let mask = places(tokens, panel).into_iter();
        let mask = mask.map(|token| if token.is_some() { 0. } else { MASKED }).collect();
        Ok(Self { transformer, grid, conv1, positions, mask, ln_pre })
    }

    /// The kernels that it runs on.
    pub fn kernels(&self) -> &Kernels {
        &self.transformer.kernels
    }

    /// What one forward pass at a time needs.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub fn scratch(&self) -> std::io::Result<Scratch> {
        let Transformer { shape, precision, .. } = &self.transformer;
        Scratch::new(shape, patches(shape, &self.grid), *precision)
    }

    /// Projects `images`, `[3, size, size]` normalised numbers each, into CLIP's space: `e` numbers
    /// each, of any length, to `projections`; with the help of `crew`.
    ///
    /// # Panics
    /// When an image has another size, or `projections` another length.
    pub fn forward(
        &self,
        images: &[&[f32]],
        crew: &Crew,
        scratch: &mut Scratch,
        projections: &mut [f32],
    ) {
        let tower = &self.transformer;
        let embed_dim = tower.shape.embed_dim;
        assert_eq!(projections.len(), images.len() * embed_dim, "a projection for each image");
        let numbers = 3 * self.grid.image_size * self.grid.image_size;
        assert!(images.iter().all(|image| image.len() == numbers), "images of the model's size");
        let groups = images.chunks(GROUP).zip(projections.chunks_mut(GROUP * embed_dim));
        for (images, projections) in groups {
            let (count, tokens) = (images.len(), tower.shape.tokens);
            let pass = Pass { tower, crew, count, tokens, seen: Seen::All(&self.mask) };
            pass.embed_images(self, images, scratch);
            pass.run(scratch, projections);
        }
    }
}

/// Numbers of an image's patches in panels.
fn patches(shape: &Shape, grid: &Grid) -> usize {
    shape.panels(grid.numbers()) * grid.patches() * shape.panel
}

/// Bytes of the [`Scratch`] of one worker, for images.
pub fn scratch_bytes(architecture: &Architecture) -> u64 {
    let shape = Shape::vision(architecture, &Kernels::best());
    Scratch::bytes(&shape, patches(&shape, &Grid::new(architecture))) as u64
}
