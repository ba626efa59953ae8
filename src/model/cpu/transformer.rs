//! What the image and the text tower have in common: the blocks, the last layer norm and the
//! projection, packed for the kernels of this processor.

use candle_core::{Error, Result};
use candle_nn::VarBuilder;

use super::{
    packing::{Lens, Linear, Norm, Packer, Place, Places, Source, Weights, places},
    shape::Shape,
};
use crate::{
    kernels::{self, Bf16, Int8, Kernels, Number},
    model::{architecture::Activation, device::Precision},
};

/// A transformer with its weights.
#[derive(Debug)]
pub(super) struct Transformer {
    pub kernels: Kernels,
    pub shape: Shape,
    pub activation: kernels::Activation,
    /// What the matrices of layers are in.
    pub precision: Precision,
    /// All weights of the tower; the layers say what lies where.
    pub weights: Weights,
    pub blocks: Vec<Block>,
    pub ln_last: Norm,
    pub proj: Linear,
}

/// What is asked for before the weights of a tower are packed.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub kernels: Kernels,
    pub precision: Precision,
    pub activation: Activation,
    pub shape: Shape,
    pub layers: usize,
    /// Numbers of a patch of an image; none for texts.
    pub patch: Option<usize>,
}

/// A residual block; queries, keys and values are one layer.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub ln_1: Norm,
    pub qkv: Linear,
    pub out_proj: Linear,
    pub ln_2: Norm,
    pub c_fc: Linear,
    pub c_proj: Linear,
}

impl Plan {
    /// Makes room for all weights of the tower.
    ///
    /// # Errors
    /// Where there are no kernels for the precision, or no memory.
    pub fn packer(&self) -> Result<Packer> {
        let Self { kernels, precision, shape, .. } = self;
        if !precision.has_kernels(kernels) {
            candle_core::bail!("no kernels for {precision} on {}", kernels.isa());
        }
        Packer::new(self.lens(), *precision, shape.panel)
    }

    /// Packs what lies behind the embedded tokens: the blocks of `blocks`, the layer norm `ln_last` and
    /// `proj`, `[width, e]`.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape.
    pub fn finish(
        &self,
        mut packer: Packer,
        blocks: &VarBuilder<'_>,
        ln_last: &VarBuilder<'_>,
        proj: &candle_core::Tensor,
    ) -> Result<Transformer> {
        let Self { kernels, precision, activation, shape, layers, .. } = *self;
        let (panel, width) = (shape.panel, shape.width);
        let blocks = (0..layers).map(|i| Block::new(&shape, &mut packer, &blocks.pp(i)));
        let blocks = blocks.collect::<Result<Vec<_>>>()?;
        if blocks.is_empty() {
            return Err(Error::msg("no blocks"));
        }
        let ln_last = packer.norm(width, ln_last)?;
        let source = Source { tensor: proj, column: 1, depth: shape.embed_dim };
        let (columns, depths) = (places(shape.embed_dim, panel), (0..width).map(Some));
        let depths = depths.collect::<Places>();
        let proj = Linear {
            // The last product is so small that it may as well be exact.
            weights: Place::Singles(packer.singles(source, &columns, &depths)?),
            bias: None,
            depth: width,
            panels: columns.len() / panel,
        };
        let activation = match activation {
            Activation::Gelu => kernels::Activation::Gelu,
            Activation::QuickGelu => kernels::Activation::QuickGelu,
        };
        let weights = packer.finish();
        Ok(Transformer { kernels, shape, activation, precision, weights, blocks, ln_last, proj })
    }

    /// Numbers that all weights take, where those of matrices are in the plan's precision.
    fn lens(&self) -> Lens {
        let Self { precision, shape, layers, .. } = self;
        let together = match precision {
            Precision::F32 | Precision::F16 => 1,
            Precision::Bf16 => Bf16::TOGETHER,
            Precision::Int8 => Int8::TOGETHER,
        };
        let matrix = |depth: usize, panels| depth.next_multiple_of(together) * panels * shape.panel;
        let (width, heads) = (shape.panels(shape.width), shape.heads_panels());
        let mlp = shape.panels(shape.mlp_width);
        let block = matrix(shape.width, 3 * heads)
            + matrix(heads * shape.panel, width)
            + matrix(shape.width, mlp)
            + matrix(shape.mlp_width, width);
        let patches = self.patch.map_or(0, |numbers| matrix(numbers, width));
        let matrices = patches + layers * block;
        let norm = 2 * width * shape.panel;
        let biases = (3 * heads + 2 * width + mlp) * shape.panel;
        // Images have a layer norm before the first block too.
        let norms = if self.patch.is_some() { 2 } else { 1 };
        let rest = norms * norm
            + shape.tokens * width * shape.panel
            + layers * (2 * norm + biases)
            + shape.width * shape.panels(shape.embed_dim) * shape.panel;
        // A unit and an offset for each column of a layer; the patches' has no bias.
        let patch_columns = self.patch.map_or(0, |_| width * shape.panel);
        let columns = patch_columns + layers * biases;
        let none = Lens { singles: rest, halves: 0, bytes: 0, offsets: 0 };
        match precision {
            Precision::F32 | Precision::F16 => Lens { singles: rest + matrices, ..none },
            Precision::Bf16 => Lens { halves: matrices, ..none },
            Precision::Int8 => {
                Lens { singles: rest + columns, bytes: matrices, offsets: columns, ..none }
            }
        }
    }
}

impl Block {
    fn new(shape: &Shape, packer: &mut Packer, vb: &VarBuilder<'_>) -> Result<Self> {
        let (panel, width, head) = (shape.panel, shape.width, shape.head());
        let all: Vec<_> = (0..width).map(Some).collect();
        let ln_1 = packer.norm(width, &vb.pp("ln_1"))?;
        // Each head begins with a panel of its own.
        let heads = (0..shape.heads).flat_map(|i| {
            places(head, panel).into_iter().map(move |column| Some(i * head + column?))
        });
        let heads: Vec<_> = heads.collect();
        let columns: Vec<_> = (0..3)
            .flat_map(|part| heads.iter().map(move |column| Some(part * width + (*column)?)))
            .collect();
        // The scores of attention are divided by the root of a head's columns: the queries are.
        let scale = 1. / (head as f64).sqrt();
        let scale = |column: usize| if column < width { scale as f32 } else { 1. };
        let attn = vb.pp("attn");
        let tensor = &attn.get((3 * width, width), "in_proj_weight")?;
        let source = Source { tensor, column: width, depth: 1 };
        let weights = packer.matrix(source, &columns, &all, scale)?;
        let bias = packer.row(&attn.get(3 * width, "in_proj_bias")?, &columns, scale)?;
        let (depth, panels) = (width, columns.len() / panel);
        let qkv = Linear { weights, bias: Some(bias), depth, panels };
        let out_proj = packer.linear((width, &heads), width, &attn.pp("out_proj"))?;
        let ln_2 = packer.norm(width, &vb.pp("ln_2"))?;
        let mlp = vb.pp("mlp");
        let c_fc = packer.linear((width, &all), shape.mlp_width, &mlp.pp("c_fc"))?;
        let inner: Vec<_> = (0..shape.mlp_width).map(Some).collect();
        let c_proj = packer.linear((shape.mlp_width, &inner), width, &mlp.pp("c_proj"))?;
        Ok(Self { ln_1, qkv, out_proj, ln_2, c_fc, c_proj })
    }
}
