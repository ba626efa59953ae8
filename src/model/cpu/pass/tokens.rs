//! How a text enters the tower: the vectors of its tokens, each with its position.

use super::{Pass, Scratch};
use crate::model::cpu::CpuTextTower;

impl Pass<'_> {
    /// Writes the embedded tokens of `texts`, each at most [`Pass::tokens`], to the residual. Behind
    /// the end of a shorter one comes whatever token 0 is: nothing that leaves sees it.
    pub fn embed_texts(&self, text: &CpuTextTower, texts: &[&[u32]], scratch: &mut Scratch) {
        let shape = &self.tower.shape;
        let (panel, width, most) = (shape.panel, shape.width, shape.tokens);
        let one = self.rows() * panel;
        let all = &mut scratch.residual[..shape.panels(width) * one];
        self.crew.each_part(all, one, |p, rows| {
            let columns = panel.min(width - p * panel);
            let positions = &self.tower.weights.singles[text.positions.clone()];
            let positions = &positions[p * most * panel..][..most * panel];
            let sequences = rows.chunks_exact_mut(self.tokens * panel).zip(texts);
            for (rows, tokens) in sequences {
                let tokens = tokens.iter().chain(std::iter::repeat(&0));
                let rows = rows.chunks_exact_mut(panel).zip(positions.chunks_exact(panel));
                for ((row, position), token) in rows.zip(tokens) {
                    row.copy_from_slice(position);
                    let vector = &text.vectors[*token as usize * width + p * panel..][..columns];
                    row.iter_mut().zip(vector).for_each(|(number, add)| *number += add);
                }
            }
        });
    }
}
