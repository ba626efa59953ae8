//! The text tower: a causal transformer over tokens, of whose last layer the end token is projected
//! into CLIP's space (arXiv 2103.00020, section 2.4).
//!
//! What stands behind the end of a text is not seen by it, so a text is only as long as its tokens.

use std::ops::Range;

use candle_core::Result;
use candle_nn::VarBuilder;

use super::{
    GROUP, Scratch,
    attention::Seen,
    packing::{Source, copied, places},
    pass::Pass,
    shape::Shape,
    transformer::{Plan, Transformer},
};
use crate::{
    kernels::{Kernels, crew::Crew, memory::Memory},
    model::{
        architecture::{Activation, TextConfig},
        device::Precision,
    },
};

/// The text tower with its weights.
#[derive(Debug)]
pub struct CpuTextTower {
    transformer: Transformer,
    /// A vector for each token of the vocabulary, `[vocabulary, width]`.
    pub(super) vectors: Memory<f32>,
    /// `[panels][tokens][panel]`.
    pub(super) positions: Range<usize>,
}

impl CpuTextTower {
    /// Packs the weights of `text`, whose projections have `embed_dim` numbers, from `vb`, f32 under
    /// open_clip's names, for `kernels`, the matrices of layers in `precision`.
    ///
    /// # Errors
    /// As [`CpuTower::new`](super::CpuTower::new).
    pub fn new(
        (text, embed_dim): (&TextConfig, usize),
        activation: Activation,
        (kernels, precision): (Kernels, Precision),
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let shape = Shape::text(text, embed_dim, &kernels);
        let (width, tokens) = (shape.width, shape.tokens);
        let plan = Plan { kernels, precision, activation, shape, layers: text.layers, patch: None };
        let mut packer = plan.packer()?;
        let vectors = copied(&vb.get((text.vocab_size, width), "token_embedding.weight")?)?;
        let positional = &vb.get((tokens, width), "positional_embedding")?;
        let source = Source { tensor: positional, column: 1, depth: width };
        let depths: Vec<_> = (0..tokens).map(Some).collect();
        let positions = packer.singles(source, &places(width, shape.panel), &depths)?;
        let blocks = vb.pp("transformer.resblocks");
        let proj = &vb.get((width, embed_dim), "text_projection")?;
        let transformer = plan.finish(packer, &blocks, &vb.pp("ln_final"), proj)?;
        Ok(Self { transformer, vectors, positions })
    }

    /// What one forward pass at a time needs.
    ///
    /// # Errors
    /// When the system has not so much memory.
    pub fn scratch(&self) -> std::io::Result<Scratch> {
        Scratch::new(&self.transformer.shape, 0, self.transformer.precision)
    }

    /// Projects `texts`, tokens whose last is the end token, into CLIP's space: `e` numbers each, of any
    /// length, to `projections`; with the help of `crew`.
    ///
    /// # Panics
    /// When a text is empty or longer than the tower's context, a token is none of the vocabulary, or
    /// `projections` has another length.
    pub fn forward(
        &self,
        texts: &[&[u32]],
        crew: &Crew,
        scratch: &mut Scratch,
        projections: &mut [f32],
    ) {
        let tower = &self.transformer;
        let embed_dim = tower.shape.embed_dim;
        assert_eq!(projections.len(), texts.len() * embed_dim, "a projection for each text");
        let fits = |text: &&[u32]| (1..=tower.shape.tokens).contains(&text.len());
        assert!(texts.iter().all(fits), "texts within the tower's context");
        let groups = texts.chunks(GROUP).zip(projections.chunks_mut(GROUP * embed_dim));
        for (texts, projections) in groups {
            let mut ends = [0; GROUP];
            ends.iter_mut().zip(texts).for_each(|(end, text)| *end = text.len() - 1);
            let (count, tokens) = (texts.len(), 1 + ends.iter().max().copied().unwrap_or(0));
            let pass = Pass { tower, crew, count, tokens, seen: Seen::Before(&ends[..count]) };
            pass.embed_texts(self, texts, scratch);
            pass.run(scratch, projections);
        }
    }
}

/// Bytes of the [`Scratch`] of one worker, for texts.
pub fn text_scratch_bytes(text: &TextConfig, embed_dim: usize) -> u64 {
    Scratch::bytes(&Shape::text(text, embed_dim, &Kernels::best()), 0) as u64
}
