//! Multi-head self-attention, head by head, where the heads lie: nothing is copied but the keys,
//! which are turned. Texts are masked causally, images not at all.

use super::{QUERIES, scratch::Scratch, shape::Shape};
use crate::kernels::{Kernels, Matmul, Panels, PanelsMut, crew::Crew};

/// Which tokens of its sequence a token sees, and which one leaves the last block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen<'a> {
    /// All, as in an image, whose first token leaves. For each panel of tokens: zero where there is a
    /// token, else [`MASKED`].
    All(&'a [f32]),
    /// Itself and those before, as in a text. For each sequence the token that leaves.
    Before(&'a [usize]),
}

/// Queries, keys and values of some sequences, and which rows ask.
pub(super) struct Attention<'a> {
    pub kernels: &'a Kernels,
    pub shape: &'a Shape,
    pub count: usize,
    /// Tokens of a sequence.
    pub tokens: usize,
    /// Rows of a sequence that ask: all tokens, or the one that leaves.
    pub asking: usize,
    /// `[heads][count * asking][panel]`, times one over the root of a head's columns.
    pub queries: &'a [f32],
    /// `[heads][count * tokens][panel]`.
    pub keys: &'a [f32],
    /// Likewise.
    pub values: &'a [f32],
    pub seen: Seen<'a>,
}

/// A score that softmax makes nothing of.
pub(super) const MASKED: f32 = -1e30;

impl Attention<'_> {
    /// `softmax(q k^T) v` of each head to `output`, as `queries`; `scratch` is
    /// [`Scratch::attention`].
    pub fn run(&self, crew: &Crew, output: &mut [f32], scratch: &mut [f32]) {
        let Self { shape, count, tokens, asking, .. } = *self;
        let head = shape.head_panels() * count * asking * shape.panel;
        let scratch = (scratch, Scratch::head(shape));
        crew.each_part_of_two((output, head), scratch, |head, output, scratch| {
            let keys = shape.panels(tokens) * shape.panel * shape.head();
            let (turned, scores) = scratch.split_at_mut(keys);
            for sequence in 0..count {
                self.turn(head, sequence, turned);
                for first in (0..asking).step_by(QUERIES) {
                    let queries = QUERIES.min(asking - first);
                    self.some(head, sequence, (first, queries), turned, output, scores);
                }
            }
        });
    }

    /// The keys of a sequence, `[tokens, head]`, as weights of a product: `[tokens][head][panel]`.
    fn turn(&self, head: usize, sequence: usize, turned: &mut [f32]) {
        let Self { shape, count, tokens, keys, .. } = *self;
        let (panel, width) = (shape.panel, shape.head());
        let rows = count * tokens;
        for p in 0..shape.head_panels() {
            let columns = panel.min(width - p * panel);
            let from =
                &keys[((head * shape.head_panels() + p) * rows + sequence * tokens) * panel..];
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

    /// Some queries of a sequence, which begin with row `first` of those that ask.
    fn some(
        &self,
        head: usize,
        sequence: usize,
        (first, queries): (usize, usize),
        turned: &[f32],
        output: &mut [f32],
        scores: &mut [f32],
    ) {
        let Self { kernels, shape, count, tokens, asking, .. } = *self;
        let panel = shape.panel;
        let (stride, rows) = (count * asking * panel, count * tokens);
        let head = head * shape.head_panels();
        let row = (sequence * asking + first) * panel;
        let token_panels = shape.panels(tokens);
        let scores = &mut scores[..token_panels * queries * panel];
        kernels.matmul(Matmul {
            rows: queries,
            depth: shape.head(),
            input: Panels { data: &self.queries[head * stride + row..], stride },
            weights: Panels { data: turned, stride: shape.head() * panel },
            units: (),
            bias: match self.seen {
                Seen::All(mask) => Some(mask),
                Seen::Before(_) => None,
            },
            add: false,
            panels: token_panels,
            ahead: 0,
            output: PanelsMut { data: scores, stride: queries * panel },
        });
        if let Seen::Before(leaving) = self.seen {
            let place = if asking == 1 { leaving[sequence] } else { first };
            hide_what_follows(scores, (place, queries), panel);
        }
        kernels.softmax(scores, queries);
        kernels.matmul(Matmul {
            rows: queries,
            depth: tokens,
            input: Panels { data: scores, stride: queries * panel },
            weights: Panels {
                data: &self.values[(head * rows + sequence * tokens) * panel..],
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

/// Masks in `scores`, `[token panels][queries][panel]` of queries that begin with token `first`, the
/// tokens behind the one that asks.
fn hide_what_follows(scores: &mut [f32], (first, queries): (usize, usize), panel: usize) {
    for (p, scores) in scores.chunks_exact_mut(queries * panel).enumerate() {
        for (query, scores) in scores.chunks_exact_mut(panel).enumerate() {
            let seen = (first + query + 1).saturating_sub(p * panel).min(panel);
            scores[seen..].fill(MASKED);
        }
    }
}
