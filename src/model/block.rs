//! One block of a tower: multi-head self-attention, then the MLP, each behind a layer norm and
//! added to what came in.
//!
//! Shapes: n images or texts, t tokens, w = width, h heads of d = w / h.

use candle_core::{D, IndexOp, Module, Result, Tensor};
use candle_nn::{LayerNorm, Linear, VarBuilder, ops::softmax_last_dim};

use super::{
    activation::activate,
    architecture::{Activation, TextConfig, VisionConfig},
};

/// The shape of a block.
#[derive(Clone, Copy)]
pub(super) struct BlockConfig {
    width: usize,
    heads: usize,
    mlp_width: usize,
    layer_norm_eps: f64,
}

impl From<&VisionConfig> for BlockConfig {
    fn from(vision: &VisionConfig) -> Self {
        let VisionConfig { width, heads, mlp_width, layer_norm_eps, .. } = *vision;
        Self { width, heads, mlp_width, layer_norm_eps }
    }
}

impl From<&TextConfig> for BlockConfig {
    fn from(text: &TextConfig) -> Self {
        let TextConfig { width, heads, mlp_width, layer_norm_eps, .. } = *text;
        Self { width, heads, mlp_width, layer_norm_eps }
    }
}

/// `z = z + MSA(LN(z)); z = z + MLP(LN(z))`, open_clip's `ResidualAttentionBlock`.
#[derive(Debug)]
pub(super) struct ResidualAttentionBlock {
    ln_1: LayerNorm,
    attn: MultiheadAttention,
    ln_2: LayerNorm,
    mlp: Mlp,
}

impl ResidualAttentionBlock {
    pub(super) fn new(config: BlockConfig, activation: Activation, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            ln_1: candle_nn::layer_norm(config.width, config.layer_norm_eps, vb.pp("ln_1"))?,
            attn: MultiheadAttention::new(config, vb.pp("attn"))?,
            ln_2: candle_nn::layer_norm(config.width, config.layer_norm_eps, vb.pp("ln_2"))?,
            mlp: Mlp::new(config, activation, vb.pp("mlp"))?,
        })
    }

    /// `[n, t, w]` to `[n, t, w]`; `mask`, `[t, t]`, is added to the scores.
    pub(super) fn forward(&self, z: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let z = (z + self.attn.forward(&self.ln_1.forward(z)?, mask)?)?;
        &z + self.mlp.forward(&self.ln_2.forward(&z)?)?
    }

    /// The class token's row of [`Self::forward`]: `[n, t, w]` to `[n, w]`.
    pub(super) fn forward_class(&self, z: &Tensor) -> Result<Tensor> {
        let z_class = (class_token(z)? + self.attn.forward_class(&self.ln_1.forward(z)?)?)?;
        &z_class + self.mlp.forward(&self.ln_2.forward(&z_class)?)?
    }
}

/// `softmax(q k^T / sqrt(d)) v` for each head, then `out_proj`.
#[derive(Debug)]
struct MultiheadAttention {
    /// Queries, keys and values one below the other: `[3 w, w]`.
    in_proj: Linear,
    out_proj: Linear,
    heads: usize,
}

impl MultiheadAttention {
    fn new(config: BlockConfig, vb: VarBuilder) -> Result<Self> {
        let width = config.width;
        let in_proj = Linear::new(
            vb.get((3 * width, width), "in_proj_weight")?,
            Some(vb.get(3 * width, "in_proj_bias")?),
        );
        let out_proj = candle_nn::linear(width, width, vb.pp("out_proj"))?;
        Ok(Self { in_proj, out_proj, heads: config.heads })
    }

    /// `x [n, t, w]`, every token asking: `[n, t, w]`.
    fn forward(&self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (n, t, width) = x.dims3()?;
        let qkv = self.in_proj.forward(x)?;
        let [q, k, v] =
            [0, 1, 2].map(|i| self.heads_of(&qkv.narrow(D::Minus1, i * width, width)?));
        let attended = self.attend((&q?, &k?, &v?), mask)?;
        attended.transpose(1, 2)?.reshape((n, t, width))?.apply(&self.out_proj)
    }

    /// The same for the class token alone: `[n, w]`.
    fn forward_class(&self, x: &Tensor) -> Result<Tensor> {
        let (n, _, width) = x.dims3()?;
        let q = self.rows(0, width)?.forward(&class_token(x)?)?.unsqueeze(1)?;
        let kv = self.rows(width, 2 * width)?.forward(x)?;
        let [k, v] = [0, 1].map(|i| self.heads_of(&kv.narrow(D::Minus1, i * width, width)?));
        let attended = self.attend((&self.heads_of(&q)?, &k?, &v?), None)?;
        attended.reshape((n, width))?.apply(&self.out_proj)
    }

    /// Rows `[start, start + len)` of `in_proj` as a layer of their own; shares its memory.
    fn rows(&self, start: usize, len: usize) -> Result<Linear> {
        let bias = self.in_proj.bias().map(|bias| bias.narrow(0, start, len)).transpose()?;
        Ok(Linear::new(self.in_proj.weight().narrow(0, start, len)?, bias))
    }

    /// `[n, t, w]` to `[n, h, t, d]`.
    fn heads_of(&self, x: &Tensor) -> Result<Tensor> {
        let (n, t, _) = x.dims3()?;
        x.reshape((n, t, self.heads, ()))?.transpose(1, 2)?.contiguous()
    }

    /// `q [n, h, t', d]`, `k` and `v` `[n, h, t, d]`: `[n, h, t', d]`.
    fn attend(
        &self,
        (q, k, v): (&Tensor, &Tensor, &Tensor),
        mask: Option<&Tensor>,
    ) -> Result<Tensor> {
        let d = q.dim(D::Minus1)? as f64;
        let scores = (q * (1. / d.sqrt()))?.matmul(&k.t()?)?;
        let scores = match mask {
            Some(mask) => scores.broadcast_add(mask)?,
            None => scores,
        };
        softmax_last_dim(&scores)?.matmul(v)
    }
}

/// `c_proj(act(c_fc(x)))`.
#[derive(Debug)]
struct Mlp {
    c_fc: Linear,
    c_proj: Linear,
    activation: Activation,
}

impl Mlp {
    fn new(config: BlockConfig, activation: Activation, vb: VarBuilder) -> Result<Self> {
        let (width, inner) = (config.width, config.mlp_width);
        Ok(Self {
            c_fc: candle_nn::linear(width, inner, vb.pp("c_fc"))?,
            c_proj: candle_nn::linear(inner, width, vb.pp("c_proj"))?,
            activation,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        activate(self.activation, &self.c_fc.forward(x)?)?.apply(&self.c_proj)
    }
}

/// The class token `[n, w]` of `z [n, t, w]`.
fn class_token(z: &Tensor) -> Result<Tensor> {
    z.i((.., 0, ..))?.contiguous()
}
