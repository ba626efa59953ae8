//! Block smoothing (`decompress_smooth_data` in libjpeg-turbo's `jdcoefct.c`; ITU T.81, K.8): in
//! a progressive image whose scans end before all bits are known, the first coefficients of a
//! block that are still zero are estimated from the mean values of the 5 x 5 blocks around it.

use super::{
    layout::{Component, Layout},
    progressive::Coefficients,
    scan::Block,
    tables::ZIGZAG,
};

/// Weights of the 25 blocks around, by rows.
type Weights = [i32; 25];

/// For the coefficients 1 to 5 of the file's order, where some of a component's are known.
const PARTLY: [Weights; 5] = [
    window([[0; 5], [0; 5], [-7, 50, 0, -50, 7], [0; 5], [0; 5]]),
    window([[0, 0, -7, 0, 0], [0, 0, 50, 0, 0], [0; 5], [0, 0, -50, 0, 0], [0, 0, 7, 0, 0]]),
    window([
        [0, 0, -1, 0, 0],
        [0, 0, 13, 0, 0],
        [0, 0, -24, 0, 0],
        [0, 0, 13, 0, 0],
        [0, 0, -1, 0, 0],
    ]),
    window([[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], [0; 5], [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]]),
    window([[0; 5], [0; 5], [-1, 13, -24, 13, -1], [0; 5], [0; 5]]),
];

/// For the coefficients 0 to 9, where none but the mean is known.
const MEANS: [Weights; 10] = [
    window([
        [-2, -6, -8, -6, -2],
        [-6, 6, 42, 6, -6],
        [-8, 42, 152, 42, -8],
        [-6, 6, 42, 6, -6],
        [-2, -6, -8, -6, -2],
    ]),
    window([
        [-1, -1, 0, 1, 1],
        [-3, 13, 0, -13, 3],
        [-3, 38, 0, -38, 3],
        [-3, 13, 0, -13, 3],
        [-1, -1, 0, 1, 1],
    ]),
    window([
        [-1, -3, -3, -3, -1],
        [-1, 13, 38, 13, -1],
        [0; 5],
        [1, -13, -38, -13, 1],
        [1, 3, 3, 3, 1],
    ]),
    window([
        [0, 0, 1, 0, 0],
        [0, 2, 7, 2, 0],
        [0, -5, -14, -5, 0],
        [0, 2, 7, 2, 0],
        [0, 0, 1, 0, 0],
    ]),
    window([[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], [0; 5], [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]]),
    window([[0; 5], [0, 2, -5, 2, 0], [1, 7, -14, 7, 1], [0, 2, -5, 2, 0], [0; 5]]),
    window([[0; 5], [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], [0; 5]]),
    window([[0; 5], [0, 1, -3, 1, 0], [0; 5], [0, -1, 3, -1, 0], [0; 5]]),
    window([[0; 5], [0, 1, 0, -1, 0], [0, -3, 0, 3, 0], [0, 1, 0, -1, 0], [0; 5]]),
    window([[0; 5], [0, 1, 2, 1, 0], [0; 5], [0, -1, -2, -1, 0], [0; 5]]),
];

const fn window(rows: [[i32; 5]; 5]) -> Weights {
    let mut all = [0; 25];
    let mut at = 0;
    while at < 25 {
        all[at] = rows[at / 5][at % 5];
        at += 1;
    }
    all
}

/// That an image is to be smoothed.
pub(super) struct Smoothing;

impl Smoothing {
    /// Whether libjpeg would (`smoothing_ok`): if a bit of the first coefficients is unknown, and
    /// their steps are not zero.
    pub(super) fn needed(all: &[Coefficients]) -> Option<Self> {
        let possible =
            |c: &Coefficients| ZIGZAG[..10].iter().all(|&at| c.steps[usize::from(at)] != 0);
        let useful = |c: &Coefficients| c.unknown[1..10].iter().any(|&bits| bits != Some(0));
        (all.iter().all(possible) && all.iter().any(useful)).then_some(Self)
    }

    /// The block at `y`, `x` of `component` with estimates in it.
    pub(super) fn block(
        &self,
        layout: &Layout,
        component: &Component,
        coefficients: &Coefficients,
        (y, x): (usize, usize),
    ) -> Block {
        let mut block = *coefficients.block(y, x);
        let unknown = &coefficients.unknown;
        let means_only = unknown[1..10].iter().all(Option::is_none);
        let weights = if means_only { &MEANS[1..] } else { &PARTLY[..] };
        let rows = rows_around(layout, component, y);
        let columns = columns_around(component, x);
        let means: Weights =
            std::array::from_fn(|i| coefficients.block(rows[i / 5], columns[i % 5])[0].into());
        for (at, weights) in (1..).zip(weights) {
            let place = usize::from(ZIGZAG[at]);
            if unknown[at] != Some(0) && block[place] == 0 {
                block[place] = estimate(&means, weights, coefficients, at);
            }
        }
        if means_only {
            block[0] = estimate(&means, &MEANS[0], coefficients, 0);
        }
        block
    }
}

/// The estimate of coefficient `at`, below what its known bits would show.
fn estimate(means: &Weights, weights: &Weights, coefficients: &Coefficients, at: usize) -> i16 {
    let sum: i32 = means.iter().zip(weights).map(|(a, b)| a.wrapping_mul(*b)).sum();
    let step = i64::from(coefficients.steps[usize::from(ZIGZAG[at])]);
    let sum = i64::from(sum) * i64::from(coefficients.steps[0]);
    let size = ((step << 7) + sum.abs()) / (step << 8);
    let size = match coefficients.unknown[at] {
        Some(bits) if at > 0 && bits > 0 => size.min((1 << bits) - 1),
        _ => size,
    };
    (size * sum.signum()) as i16
}

/// The two rows of blocks above `y`, it, and the two below. At the edges a nearer one stands in;
/// libjpeg counts the last row of units as if all had as few blocks, and so do we.
fn rows_around(layout: &Layout, component: &Component, y: usize) -> [usize; 5] {
    let (unit, within) = (y / component.down, y % component.down);
    let in_last = component.blocks_high - (layout.units_high - 1) * component.down;
    let blocks = if unit + 1 < layout.units_high { component.down } else { in_last };
    let (row, rows) = (unit * blocks + within, blocks * layout.units_high);
    let above = if row > 0 { y - 1 } else { y };
    let above2 = if row > 1 { y - 2 } else { above };
    let below = if row + 1 < rows { y + 1 } else { y };
    let below2 = if row + 2 < rows { y + 2 } else { below };
    [above2, above, y, below, below2]
}

/// The same for columns, where no row of units is special.
fn columns_around(component: &Component, x: usize) -> [usize; 5] {
    let last = component.blocks_wide - 1;
    let left = x.saturating_sub(1);
    [x.saturating_sub(2), left, x, (x + 1).min(last), (x + 2).min(last)]
}
