//! What is done to each row or each number: layer norm, softmax, and the activations.

use std::array;

use super::{panels::Panels, vector::Vector};

/// What a layer norm needs of some rows.
#[derive(Debug)]
pub struct Moments<'a> {
    /// Columns that count; the last panel may have more.
    pub columns: usize,
    /// `[columns / panel][rows][panel]`.
    pub input: Panels<'a>,
    /// What is added to the variance.
    pub epsilon: f32,
    /// For each row its mean, and one over its deviation.
    pub output: &'a mut [[f32; 2]],
}

impl Moments<'_> {
    /// Panics where a slice is too short for what the numbers say.
    pub(super) fn check(&self, panel: usize) {
        self.input.check(self.columns.div_ceil(panel), [self.output.len(), panel]);
    }
}

/// Computes `task` in two passes over each row as PyTorch does: the mean, then the variance.
///
/// # Safety
/// As [`Vector`]; and `task` must have passed [`Moments::check`] with `N * V::LANES`.
#[inline(always)]
pub(super) unsafe fn moments<V: Vector, const N: usize>(task: &mut Moments<'_>) {
    let panel = N * V::LANES;
    let (panels, rest) = (task.columns / panel, task.columns % panel);
    let count = task.columns as f32;
    let from = task.input.data.as_ptr();
    for (row, moments) in task.output.iter_mut().enumerate() {
        // SAFETY: the panels, rows and columns are within what was checked.
        unsafe {
            let at = |p: usize| from.add(p * task.input.stride + row * panel);
            let rest = std::slice::from_raw_parts(at(if rest > 0 { panels } else { 0 }), rest);
            let mut sums = [V::splat(0.); N];
            for p in 0..panels {
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = sum.add(V::load(at(p).add(n * V::LANES)));
                }
            }
            let mean = (total(&sums) + rest.iter().sum::<f32>()) / count;
            let mut sums = [V::splat(0.); N];
            for p in 0..panels {
                for (n, sum) in sums.iter_mut().enumerate() {
                    let apart = V::load(at(p).add(n * V::LANES)).sub(V::splat(mean));
                    *sum = sum.add_product(apart, apart);
                }
            }
            let squares: f32 = rest.iter().map(|number| (number - mean) * (number - mean)).sum();
            let variance = (total(&sums) + squares) / count;
            *moments = [mean, 1. / (variance + task.epsilon).sqrt()];
        }
    }
}

/// One panel of a layer norm: each row less its mean, over its deviation, times `weight`, plus
/// `bias`.
#[derive(Debug)]
pub struct Normalize<'a> {
    /// Of each row.
    pub moments: &'a [[f32; 2]],
    /// `[rows][panel]`.
    pub input: &'a [f32],
    /// A number for each column of the panel.
    pub weight: &'a [f32],
    /// Likewise.
    pub bias: &'a [f32],
    /// As `input`.
    pub output: &'a mut [f32],
}

impl Normalize<'_> {
    /// Panics where a slice is too short for what the numbers say.
    pub(super) fn check(&self, panel: usize) {
        let numbers = self.moments.len() * panel;
        assert!(self.input.len() >= numbers && self.output.len() >= numbers, "rows are missing");
        assert!(self.weight.len() >= panel && self.bias.len() >= panel, "weights are missing");
    }
}

/// Computes `task`.
///
/// # Safety
/// As [`Vector`]; and `task` must have passed [`Normalize::check`] with `N * V::LANES`.
#[inline(always)]
pub(super) unsafe fn normalize<V: Vector, const N: usize>(task: &mut Normalize<'_>) {
    // SAFETY: the rows and columns are within what was checked.
    unsafe {
        let weight: [V; N] = array::from_fn(|n| V::load(task.weight.as_ptr().add(n * V::LANES)));
        let bias: [V; N] = array::from_fn(|n| V::load(task.bias.as_ptr().add(n * V::LANES)));
        for (row, &[mean, scale]) in task.moments.iter().enumerate() {
            for n in 0..N {
                let at = (row * N + n) * V::LANES;
                let apart = V::load(task.input.as_ptr().add(at)).sub(V::splat(mean));
                let normal = bias[n].add_product(apart.mul(V::splat(scale)), weight[n]);
                normal.store(task.output.as_mut_ptr().add(at));
            }
        }
    }
}

/// Softmax over each row of `scores`, `[panels][rows][panel]` without gaps.
///
/// # Safety
/// As [`Vector`]; `scores` must hold `panels * rows * N * V::LANES` numbers.
#[inline(always)]
pub(super) unsafe fn softmax<V: Vector, const N: usize>(
    scores: &mut [f32],
    panels: usize,
    rows: usize,
) {
    let panel = N * V::LANES;
    let scores = scores.as_mut_ptr();
    for row in 0..rows {
        // SAFETY: as the caller promises.
        unsafe {
            let at = |p: usize, n: usize| scores.add((p * rows + row) * panel + n * V::LANES);
            let mut largest = [V::splat(f32::NEG_INFINITY); N];
            for p in 0..panels {
                for (n, largest) in largest.iter_mut().enumerate() {
                    *largest = largest.max(V::load(at(p, n)));
                }
            }
            let largest = largest.iter().map(|v| v.largest()).fold(f32::NEG_INFINITY, f32::max);
            let largest = V::splat(largest);
            let mut sums = [V::splat(0.); N];
            for p in 0..panels {
                for (n, sum) in sums.iter_mut().enumerate() {
                    let power = exp(V::load(at(p, n)).sub(largest));
                    *sum = sum.add(power);
                    power.store(at(p, n));
                }
            }
            let scale = V::splat(1. / total(&sums));
            for p in 0..panels {
                for n in 0..N {
                    V::load(at(p, n)).mul(scale).store(at(p, n));
                }
            }
        }
    }
}

/// `x * Phi(x)` with the standard normal distribution, of each number.
///
/// # Safety
/// As [`Vector`]; there must be a multiple of `V::LANES` numbers.
#[inline(always)]
pub(super) unsafe fn gelu<V: Vector>(numbers: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe {
        each(numbers, |x: V| x.mul(normal_distribution(x)));
    }
}

/// QuickGELU is `x * sigmoid(1.702 x)` (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
///
/// # Safety
/// As [`gelu`].
#[inline(always)]
pub(super) unsafe fn quick_gelu<V: Vector>(numbers: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe {
        each(numbers, |x: V| x.div(V::splat(1.).add(exp(x.mul(V::splat(-1.702))))));
    }
}

#[inline(always)]
unsafe fn each<V: Vector>(numbers: &mut [f32], function: impl Fn(V) -> V) {
    for numbers in numbers.chunks_exact_mut(V::LANES) {
        // SAFETY: a chunk has as many numbers as a register has lanes.
        unsafe { function(V::load(numbers.as_ptr())).store(numbers.as_mut_ptr()) }
    }
}

#[inline(always)]
unsafe fn total<V: Vector>(sums: &[V]) -> f32 {
    // SAFETY: the caller has the instruction set.
    unsafe { sums.iter().map(|sum| sum.sum()).sum() }
}

/// The exponential to within 2 ulp, as `2^n e^r` with |r| <= ln 2 / 2 and a Taylor polynomial of
/// degree 7. Arguments beyond f32's range give its largest and smallest normal numbers.
#[inline(always)]
unsafe fn exp<V: Vector>(x: V) -> V {
    /// 1.5 * 2^23: adding it rounds a small number to a whole one in its last bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first with few enough bits that its products are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TAYLOR: [f32; 8] =
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    // SAFETY: the caller has the instruction set.
    unsafe {
        // In this order, what is no number stays none.
        let x = V::splat(88.).min(V::splat(-87.).max(x));
        let round = V::splat(ROUND);
        let n = x.mul(V::splat(std::f32::consts::LOG2_E)).add(round).sub(round);
        let r = x.add_product(n, V::splat(-LN_2[0])).add_product(n, V::splat(-LN_2[1]));
        polynomial(r, &TAYLOR).mul(n.pow2())
    }
}

/// The standard normal distribution `(1 + erf(x / sqrt 2)) / 2` to within 2e-7: an odd over an even
/// polynomial in `x`, with the constants of Eigen's `generic_fast_erf_float` times the powers of
/// 1 / sqrt 2 that turn its argument into ours. Exactly 0 and 1 beyond `4 sqrt 2`, where erf is
/// -1 and 1 to f32.
#[inline(always)]
unsafe fn normal_distribution<V: Vector>(x: V) -> V {
    const LAST: f32 = 4. * std::f32::consts::SQRT_2;
    /// Half of the odd polynomial, since half of erf is wanted.
    const ODD: [f32; 7] = scaled(
        [
            -2.726_142_3e-10,
            2.770_681_4e-8,
            -2.101_024e-6,
            -5.692_506_4e-5,
            -7.349_906_3e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
        0.5 * std::f64::consts::FRAC_1_SQRT_2,
    );
    const EVEN: [f32; 5] = scaled(
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2],
        1.,
    );
    // SAFETY: the caller has the instruction set.
    unsafe {
        let within = V::splat(LAST).min(V::splat(-LAST).max(x));
        let square = within.mul(within);
        let half = within.mul(polynomial(square, &ODD)).div(polynomial(square, &EVEN));
        let upper = x.choose_less(V::splat(LAST), V::splat(0.5).add(half), V::splat(1.));
        V::splat(-LAST).choose_less(x, upper, V::splat(0.))
    }
}

/// The coefficients, from the highest power of `x^2` down, of a polynomial in `(x / sqrt 2)^2`, times
/// `factor`.
const fn scaled<const N: usize>(coefficients: [f32; N], factor: f64) -> [f32; N] {
    let mut scaled = coefficients;
    let (mut i, mut power) = (N, factor);
    while i > 0 {
        i -= 1;
        scaled[i] = (coefficients[i] as f64 * power) as f32;
        power *= 0.5;
    }
    scaled
}

/// Horner's scheme, from the highest power down.
#[inline(always)]
unsafe fn polynomial<V: Vector>(x: V, coefficients: &[f32]) -> V {
    // SAFETY: the caller has the instruction set.
    unsafe {
        let mut sum = V::splat(coefficients[0]);
        for &coefficient in &coefficients[1..] {
            sum = V::splat(coefficient).add_product(sum, x);
        }
        sum
    }
}
