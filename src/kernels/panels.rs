//! Matrices in panels of some columns, as the kernels read and leave them.

/// A matrix in panels: panel `p` begins at `p * stride`.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a, T = f32> {
    /// The numbers from the matrix's first on.
    pub data: &'a [T],
    /// Numbers from the beginning of a panel to that of the next.
    pub stride: usize,
}

/// A matrix in panels that is written.
#[derive(Debug)]
pub struct PanelsMut<'a> {
    /// The numbers from the matrix's first on.
    pub data: &'a mut [f32],
    /// Numbers from the beginning of a panel to that of the next.
    pub stride: usize,
}

impl<T> Panels<'_, T> {
    /// Panics where there are not `panels` panels of `numbers` numbers.
    pub(super) fn check(&self, panels: usize, numbers: usize) {
        check(self.data.len(), self.stride, panels, numbers);
    }
}

impl PanelsMut<'_> {
    /// As [`Panels::check`], and panels must not overlap.
    pub(super) fn check(&self, panels: usize, numbers: usize) {
        check(self.data.len(), self.stride, panels, numbers);
        assert!(panels < 2 || self.stride >= numbers, "panels that are written overlap");
    }
}

fn check(len: usize, stride: usize, panels: usize, numbers: usize) {
    let needed =
        panels.saturating_sub(1).checked_mul(stride).and_then(|at| at.checked_add(numbers));
    assert!(
        panels == 0 || needed.is_some_and(|needed| needed <= len),
        "{panels} panels of {numbers} numbers do not fit into {len}"
    );
}
