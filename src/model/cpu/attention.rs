//! Multi-head self-attention, head by head, where the heads lie: nothing is copied but the keys,
//! which are turned.

use super::{QUERIES, scratch::Scratch, shape::Shape};
use crate::kernels::{Kernels, Matmul, Panels, PanelsMut, crew::Crew};

/// Queries, keys and values of some images, and which rows ask.
pub(super) struct Attention<'a> {
    pub kernels: &'a Kernels,
    pub shape: &'a Shape,
    pub images: usize,
    /// Rows of an image that ask: all tokens, or the class token.
    pub asking: usize,
    /// `[heads][images * asking][panel]`, times one over the root of a head's columns.
    pub queries: &'a [f32],
    /// `[heads][images * tokens][panel]`.
    pub keys: &'a [f32],
    /// Likewise.
    pub values: &'a [f32],
    /// For each panel of tokens: zero where there is a token, else a number that no softmax sees.
    pub mask: &'a [f32],
}

/// A score that softmax makes nothing of.
pub(super) const MASKED: f32 = -1e30;

impl Attention<'_> {
    /// `softmax(q k^T) v` of each head to `output`, as `queries`; `scratch` is
    /// [`Scratch::attention`].
    pub fn run(&self, crew: &Crew, output: &mut [f32], scratch: &mut [f32]) {
        let Self { shape, images, asking, .. } = *self;
        let head = shape.head_panels() * images * asking * shape.panel;
        let scratch = (scratch, Scratch::head(shape));
        crew.each_part_of_two((output, head), scratch, |head, output, scratch| {
            let keys = shape.panels(shape.tokens()) * shape.panel * shape.head();
            let (turned, scores) = scratch.split_at_mut(keys);
            for image in 0..images {
                self.turn(head, image, turned);
                for first in (0..asking).step_by(QUERIES) {
                    let queries = QUERIES.min(asking - first);
                    self.some(head, image, (first, queries), turned, output, scores);
                }
            }
        });
    }

    /// The keys of an image, `[tokens, head]`, as weights of a product: `[tokens][head][panel]`.
    fn turn(&self, head: usize, image: usize, turned: &mut [f32]) {
        let Self { shape, images, keys, .. } = *self;
        let (panel, tokens, width) = (shape.panel, shape.tokens(), shape.head());
        let rows = images * tokens;
        for p in 0..shape.head_panels() {
            let columns = panel.min(width - p * panel);
            let from = &keys[((head * shape.head_panels() + p) * rows + image * tokens) * panel..];
            for (token, key) in from.chunks_exact(panel).take(tokens).enumerate() {
                let to = (token / panel * width + p * panel) * panel + token % panel;
                for (number, to) in
                    key[..columns].iter().zip(turned[to..].iter_mut().step_by(panel))
                {
                    *to = *number;
                }
            }
        }
    }

    /// Some queries of an image, which begin with row `first` of it.
    fn some(
        &self,
        head: usize,
        image: usize,
        (first, queries): (usize, usize),
        turned: &[f32],
        output: &mut [f32],
        scores: &mut [f32],
    ) {
        let Self { kernels, shape, images, asking, .. } = *self;
        let (panel, tokens) = (shape.panel, shape.tokens());
        let (stride, rows) = (images * asking * panel, images * tokens);
        let head = head * shape.head_panels();
        let row = (image * asking + first) * panel;
        let token_panels = shape.panels(tokens);
        let scores = &mut scores[..token_panels * queries * panel];
        kernels.matmul(Matmul {
            rows: queries,
            depth: shape.head(),
            input: Panels { data: &self.queries[head * stride + row..], stride },
            weights: Panels { data: turned, stride: shape.head() * panel },
            units: (),
            bias: Some(self.mask),
            add: false,
            panels: token_panels,
            ahead: 0,
            output: PanelsMut { data: scores, stride: queries * panel },
        });
        kernels.softmax(scores, queries);
        kernels.matmul(Matmul {
            rows: queries,
            depth: tokens,
            input: Panels { data: scores, stride: queries * panel },
            weights: Panels {
                data: &self.values[(head * rows + image * tokens) * panel..],
                stride: rows * panel,
            },
            units: (),
            bias: None,
            add: false,
            panels: shape.head_panels(),
            ahead: 0,
            output: PanelsMut { data: &mut output[row..], stride },
        });
    }
}
