//! The sizes of a tower in panels: what lies where in its matrices.

use crate::{
    kernels::Kernels,
    model::architecture::{Architecture, TextConfig},
};

/// Sizes of one transformer on kernels with panels of `panel` columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub panel: usize,
    /// Most tokens of a sequence.
    pub tokens: usize,
    pub width: usize,
    pub heads: usize,
    pub mlp_width: usize,
    pub embed_dim: usize,
    pub epsilon: f32,
}

/// How an image is cut into patches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub image_size: usize,
    pub patch: usize,
}

impl Grid {
    pub fn new(architecture: &Architecture) -> Self {
        let vision = &architecture.vision;
        Self { image_size: vision.image_size, patch: vision.patch_size }
    }

    /// Patches along a side.
    pub fn side(&self) -> usize {
        self.image_size / self.patch
    }

    pub fn patches(&self) -> usize {
        self.side() * self.side()
    }

    /// Numbers of a patch.
    pub fn numbers(&self) -> usize {
        3 * self.patch * self.patch
    }
}

impl Shape {
    /// Of the image tower; its tokens are the class token and the patches.
    pub fn vision(architecture: &Architecture, kernels: &Kernels) -> Self {
        let vision = &architecture.vision;
        Self {
            panel: kernels.panel(),
            tokens: 1 + Grid::new(architecture).patches(),
            width: vision.width,
            heads: vision.heads,
            mlp_width: vision.mlp_width,
            embed_dim: architecture.embed_dim,
            epsilon: vision.layer_norm_eps as f32,
        }
    }

    /// Of the text tower.
    pub fn text(text: &TextConfig, embed_dim: usize, kernels: &Kernels) -> Self {
        Self {
            panel: kernels.panel(),
            tokens: text.context_length,
            width: text.width,
            heads: text.heads,
            mlp_width: text.mlp_width,
            embed_dim,
            epsilon: text.layer_norm_eps as f32,
        }
    }

    /// Panels that hold `columns` columns.
    pub fn panels(&self, columns: usize) -> usize {
        columns.div_ceil(self.panel)
    }

    /// Columns of a head.
    pub fn head(&self) -> usize {
        self.width / self.heads
    }

    /// Panels of a head, which begins with a panel of its own.
    pub fn head_panels(&self) -> usize {
        self.panels(self.head())
    }

    /// Panels of all heads.
    pub fn heads_panels(&self) -> usize {
        self.heads * self.head_panels()
    }

    /// Most panels of a matrix as wide as the tower or as its heads.
    pub fn narrow_panels(&self) -> usize {
        self.panels(self.width).max(self.heads_panels())
    }

    /// Most panels of any matrix within a block.
    pub fn wide_panels(&self) -> usize {
        self.panels(self.mlp_width).max(3 * self.heads_panels()).max(self.panels(self.embed_dim))
    }
}
