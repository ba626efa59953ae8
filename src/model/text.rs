//! CLIP's text tower on a GPU: a pre-norm transformer with a causal mask, the end token projected into
//! CLIP's space (arXiv 2103.00020, section 2.4).
//!
//! The fields are named as in open_clip's state dict. Shapes: n texts, t tokens, w = width, e =
//! embedding size.

use candle_core::{DType, Device, IndexOp, Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::{
    architecture::{Activation, TextConfig},
    block::ResidualAttentionBlock,
};

/// The tower with its weights.
#[derive(Debug)]
pub struct TextTransformer {
    /// `[vocabulary, w]`.
    token_embedding: Tensor,
    positional_embedding: Tensor,
    resblocks: Vec<ResidualAttentionBlock>,
    ln_final: LayerNorm,
    /// `[w, e]`.
    text_projection: Tensor,
}

impl TextTransformer {
    /// Takes the weights of `config`, whose projections have `embed_dim` numbers, from `vb`, whose names
    /// are open_clip's.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape.
    pub fn new(
        config: &TextConfig,
        embed_dim: usize,
        activation: Activation,
        vb: VarBuilder,
    ) -> Result<Self> {
        let width = config.width;
        let blocks = vb.pp("transformer.resblocks");
        Ok(Self {
            token_embedding: vb.get((config.vocab_size, width), "token_embedding.weight")?,
            positional_embedding: vb.get((config.context_length, width), "positional_embedding")?,
            resblocks: (0..config.layers)
                .map(|i| ResidualAttentionBlock::new(config.into(), activation, blocks.pp(i)))
                .collect::<Result<_>>()?,
            ln_final: candle_nn::layer_norm(width, config.layer_norm_eps, vb.pp("ln_final"))?,
            text_projection: vb.get((width, embed_dim), "text_projection")?,
        })
    }

    /// Projects `texts`, tokens whose last is the end token, into CLIP's space: `[n, e]` in f32, of any
    /// length.
    ///
    /// # Errors
    /// When a text is empty or too long, or the device fails.
    pub fn forward(&self, texts: &[&[u32]]) -> Result<Tensor> {
        let (device, dtype) = (self.token_embedding.device(), self.token_embedding.dtype());
        let tokens = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        // What stands behind the end of a text is not seen by it.
        let padded = texts
            .iter()
            .flat_map(|text| text.iter().copied().chain(std::iter::repeat(0)).take(tokens));
        let ids = Tensor::from_vec(padded.collect(), texts.len() * tokens, &Device::Cpu)?;
        let vectors = self.token_embedding.index_select(&ids.to_device(device)?, 0)?;
        let vectors = vectors.reshape((texts.len(), tokens, ()))?;
        let positions = self.positional_embedding.narrow(0, 0, tokens)?;
        let mut z = vectors.broadcast_add(&positions)?;
        let mask = causal_mask(tokens, dtype, device)?;
        for block in &self.resblocks {
            z = block.forward(&z, Some(&mask))?;
        }
        let ends = texts.iter().enumerate().map(|(i, text)| z.i((i, text.len() - 1, ..)));
        let ends = Tensor::stack(&ends.collect::<Result<Vec<_>>>()?, 0)?;
        self.ln_final.forward(&ends)?.matmul(&self.text_projection)?.to_dtype(DType::F32)
    }
}

/// `[t, t]`: minus infinity where the column stands behind the row.
fn causal_mask(tokens: usize, dtype: DType, device: &Device) -> Result<Tensor> {
    let seen = |i: usize| if i % tokens > i / tokens { f32::NEG_INFINITY } else { 0. };
    let mask = (0..tokens * tokens).map(seen).collect::<Vec<_>>();
    Tensor::from_vec(mask, (tokens, tokens), &Device::Cpu)?.to_dtype(dtype)?.to_device(device)
}
