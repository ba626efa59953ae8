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
    /// Panics where there are not `panels` panels of so many rows and columns.
    pub(super) fn check(&self, panels: usize, [rows, columns]: [usize; 2]) {
        check(self.data.len(), self.stride, panels, [rows, columns]);
    }
}

impl PanelsMut<'_> {
    /// As [`Panels::check`], and panels must not overlap.
    pub(super) fn check(&self, panels: usize, [rows, columns]: [usize; 2]) {
        let numbers = check(self.data.len(), self.stride, panels, [rows, columns]);
        assert!(panels < 2 || self.stride >= numbers, "panels that are written overlap");
    }
}

/// The numbers of a panel.
fn check(len: usize, stride: usize, panels: usize, [rows, columns]: [usize; 2]) -> usize {
    let numbers = rows.checked_mul(columns).expect("a panel fits in memory");
    let needed =
        panels.saturating_sub(1).checked_mul(stride).and_then(|at| at.checked_add(numbers));
    assert!(
        panels == 0 || needed.is_some_and(|needed| needed <= len),
        "{panels} panels of {numbers} numbers do not fit into {len}"
    );
    numbers
}
