//! CLIP's vision tower on a GPU: a pre-norm ViT over patches, the class token projected into CLIP's
//! space.
//!
//! The fields are named as in open_clip's state dict, and `forward` follows the equations of
//! "An Image is Worth 16x16 Words" (arXiv 2010.11929, section 3.1) with CLIP's changes (arXiv
//! 2103.00020): a layer norm before the first block, and the projection behind the last.
//! Shapes below: n images, t = patches + 1 tokens, w = width, e = embedding size.

use candle_core::{DType, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, VarBuilder};

use super::{
    architecture::{Activation, Architecture, VisionConfig},
    block::ResidualAttentionBlock,
};

/// The tower with its weights.
#[derive(Debug)]
pub struct VisionTransformer {
    conv1: PatchEmbedding,
    class_embedding: Tensor,
    positional_embedding: Tensor,
    ln_pre: LayerNorm,
    resblocks: Vec<ResidualAttentionBlock>,
    ln_post: LayerNorm,
    proj: Tensor,
}

impl VisionTransformer {
    /// Takes the weights of `architecture` from `vb`, whose names are open_clip's under `visual.`.
    ///
    /// # Errors
    /// When a tensor is missing or of another shape.
    pub fn new(
        architecture: &Architecture,
        activation: Activation,
        vb: VarBuilder,
    ) -> Result<Self> {
        let config = &architecture.vision;
        let (width, grid) = (config.width, config.image_size / config.patch_size);
        let blocks = vb.pp("transformer.resblocks");
        Ok(Self {
            conv1: PatchEmbedding::new(config, vb.pp("conv1"))?,
            class_embedding: vb.get(width, "class_embedding")?,
            positional_embedding: vb.get((1 + grid * grid, width), "positional_embedding")?,
            ln_pre: candle_nn::layer_norm(width, config.layer_norm_eps, vb.pp("ln_pre"))?,
            resblocks: (0..config.layers)
                .map(|i| ResidualAttentionBlock::new(config.into(), activation, blocks.pp(i)))
                .collect::<Result<_>>()?,
            ln_post: candle_nn::layer_norm(width, config.layer_norm_eps, vb.pp("ln_post"))?,
            proj: vb.get((width, architecture.embed_dim), "proj")?,
        })
    }

    /// Device that holds the weights.
    pub fn device(&self) -> &Device {
        self.proj.device()
    }

    /// Projects `pixels [n, 3, size, size]`, normalised as the model was trained, into CLIP's space:
    /// `[n, e]` in f32, of any length.
    ///
    /// # Errors
    /// When the shape is another, or the device fails.
    pub fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        // z0 = [class; x E] + E_pos                                                   (eq. 1)
        let patches = self.conv1.forward(&pixels.to_dtype(self.proj.dtype())?)?;
        let (n, _, width) = patches.dims3()?;
        let class = self.class_embedding.expand((n, 1, width))?;
        let tokens = Tensor::cat(&[&class, &patches], 1)?;
        let mut z = self.ln_pre.forward(&tokens.broadcast_add(&self.positional_embedding)?)?;
        // z' = z + MSA(LN(z)),  z = z' + MLP(LN(z'))                            (eq. 2 and 3)
        let (last, all_but_last) =
            self.resblocks.split_last().ok_or_else(|| candle_core::Error::msg("no blocks"))?;
        for block in all_but_last {
            z = block.forward(&z, None)?;
        }
        // y = LN(z_class) P: nothing but the class token leaves the last block          (eq. 4)
        let class = last.forward_class(&z)?;
        self.ln_post.forward(&class)?.matmul(&self.proj)?.to_dtype(DType::F32)
    }
}

/// `conv1`: a convolution whose stride is its kernel, that is a product over whole patches.
#[derive(Debug)]
struct PatchEmbedding {
    /// `[3 * patch * patch, w]`.
    weight: Tensor,
    patch: usize,
    grid: usize,
}

impl PatchEmbedding {
    fn new(config: &VisionConfig, vb: VarBuilder) -> Result<Self> {
        let patch = config.patch_size;
        let weight = vb.get((config.width, 3, patch, patch), "weight")?;
        Ok(Self { weight: weight.flatten_from(1)?.t()?, patch, grid: config.image_size / patch })
    }

    /// `[n, 3, size, size]` to `[n, t - 1, w]`.
    fn forward(&self, pixels: &Tensor) -> Result<Tensor> {
        let (n, patch, grid) = (pixels.dim(0)?, self.patch, self.grid);
        let patches = pixels
            .reshape(&[n, 3, grid, patch, grid, patch][..])?
            .permute(vec![0, 2, 4, 1, 3, 5])?
            .reshape((n * grid * grid, 3 * patch * patch))?;
        patches.matmul(&self.weight)?.reshape((n, grid * grid, ()))
    }
}
