//! The vision tower on a CPU: what [`vision`](super::vision) computes on tensors, here on packed
//! weights with the kernels of this processor, and without an allocation on the way.
//!
//! Images go through in groups of up to [`GROUP`], whose weights are read once; a [`Crew`] shares
//! the work of a group by panels of columns. In the last block only the class token goes on behind
//! the keys and values, since nothing else leaves it. Shapes: r rows, the tokens of a group's images.

mod attention;
mod packing;
mod pass;
mod scratch;
mod shape;

use std::ops::Range;

use candle_core::{Error, Result};
use candle_nn::VarBuilder;
use packing::{Lens, Linear, Norm, Packer, Place, Places, Source, Weights, places};
use pass::Pass;
pub use scratch::Scratch;
use shape::Shape;

use super::{
    architecture::{Activation, Architecture},
    device::Precision,
};
use crate::kernels::{self, Bf16, Int8, Kernels, Number, crew::Crew};

/// Images whose weights are read once. More would not fit into caches, and gain nothing.
pub const GROUP: usize = 4;

/// Queries whose scores are kept at a time.
const QUERIES: usize = 64;

/// The tower with its weights.
#[derive(Debug)]
pub struct CpuTower {
    kernels: Kernels,
    shape: Shape,
    activation: kernels::Activation,
    /// What the matrices of layers are in.
    precision: Precision,
    /// All weights; the layers say what lies where.
    weights: Weights,
    conv1: Linear,
    /// `[panels][tokens][panel]`, the class embedding added to the first.
    positions: Range<usize>,
    /// A number for each token of whole panels.
    mask: Vec<f32>,
    ln_pre: Norm,
    blocks: Vec<Block>,
    ln_post: Norm,
    proj: Linear,
}

/// A residual block; queries, keys and values are one layer.
#[derive(Clone, Debug)]
struct Block {
    ln_1: Norm,
    qkv: Linear,
    out_proj: Linear,
    ln_2: Norm,
    c_fc: Linear,
    c_proj: Linear,
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
        if !precision.has_kernels(&kernels) {
            candle_core::bail!("no kernels for {precision} on {}", kernels.isa());
        }
        let shape = Shape::new(architecture, &kernels);
        let (panel, width, tokens) = (shape.panel, shape.width, shape.tokens());
        let layers = architecture.vision.layers;
        let mut packer = Packer::new(lens(&shape, layers, precision), precision, panel)?;
        let columns = places(width, panel);
        let patch = shape.patch_numbers();
        let conv1 = &vb.get((width, 3, shape.patch, shape.patch), "conv1.weight")?;
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
        let blocks = (0..layers).map(|i| Block::new(&shape, &mut packer, &blocks.pp(i)));
        let blocks = blocks.collect::<Result<Vec<_>>>()?;
        if blocks.is_empty() {
            return Err(Error::msg("no blocks"));
        }
        let ln_post = packer.norm(width, &vb.pp("ln_post"))?;
        let proj = &vb.get((width, shape.embed_dim), "proj")?;
        let source = Source { tensor: proj, column: 1, depth: shape.embed_dim };
        let (columns, depths) = (places(shape.embed_dim, panel), (0..width).map(Some));
        let proj = Linear {
            // The last product is so small that it may as well be exact.
            weights: Place::Singles(packer.singles(
                source,
                &columns,
                &depths.collect::<Places>(),
            )?),
            bias: None,
            depth: width,
            panels: columns.len() / panel,
        };
        let mask = places(tokens, panel);
        let mask = mask.iter().map(|token| if token.is_some() { 0. } else { attention::MASKED });
        Ok(Self {
            kernels,
            shape,
            precision,
            activation: match activation {
                Activation::Gelu => kernels::Activation::Gelu,
                Activation::QuickGelu => kernels::Activation::QuickGelu,
            },
            conv1,
            positions,
            mask: mask.collect(),
            ln_pre,
            blocks,
            ln_post,
            proj,
            weights: packer.finish(),
        })
    }

    /// The kernels that it runs on.
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// What one forward pass at a time needs.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub fn scratch(&self) -> std::io::Result<Scratch> {
        Scratch::new(&self.shape, self.precision)
    }

    /// Embeds `images`, `[3, size, size]` normalised numbers each, to `embeddings`, of `e` numbers
    /// of L2 norm 1 each, with the help of `crew`.
    ///
    /// # Panics
    /// When an image has another size, or `embeddings` another length.
    pub fn forward(
        &self,
        images: &[&[f32]],
        crew: &Crew,
        scratch: &mut Scratch,
        embeddings: &mut [f32],
    ) {
        let embed_dim = self.shape.embed_dim;
        assert_eq!(embeddings.len(), images.len() * embed_dim, "an embedding for each image");
        let numbers = 3 * self.shape.image_size * self.shape.image_size;
        assert!(images.iter().all(|image| image.len() == numbers), "images of the model's size");
        let groups = images.chunks(GROUP).zip(embeddings.chunks_mut(GROUP * embed_dim));
        for (images, embeddings) in groups {
            Pass::new(self, crew, images.len()).run(images, scratch, embeddings);
        }
    }
}

/// Bytes of the [`Scratch`] of one worker.
pub fn scratch_bytes(architecture: &Architecture) -> u64 {
    Scratch::bytes(&Shape::new(architecture, &Kernels::best())) as u64
}

/// Numbers that all weights of `layers` blocks take, where those of matrices are in `precision`.
fn lens(shape: &Shape, layers: usize, precision: Precision) -> Lens {
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
    let matrices = matrix(shape.patch_numbers(), width) + layers * block;
    let norm = 2 * width * shape.panel;
    let biases = (3 * heads + 2 * width + mlp) * shape.panel;
    let rest = 2 * norm
        + shape.tokens() * width * shape.panel
        + layers * (2 * norm + biases)
        + shape.width * shape.panels(shape.embed_dim) * shape.panel;
    // A unit and an offset for each column of a layer; the patches' has no bias.
    let columns = width * shape.panel + layers * biases;
    let none = Lens { singles: rest, halves: 0, bytes: 0, offsets: 0 };
    match precision {
        Precision::F32 | Precision::F16 => Lens { singles: rest + matrices, ..none },
        Precision::Bf16 => Lens { halves: matrices, ..none },
        Precision::Int8 => {
            Lens { singles: rest + columns, bytes: matrices, offsets: columns, ..none }
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
