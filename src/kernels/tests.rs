//! Every instruction set of this machine against the portable version, and that against numbers in
//! double precision, over shapes with odd rows and tails.

use proptest::{collection::vec, prelude::*};

use super::*;

mod int8;

fn all() -> Vec<Kernels> {
    let isas = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Portable];
    isas.into_iter().filter_map(Kernels::of).collect()
}

/// `[rows][columns]` in panels of `panel` columns, each of `stride` numbers.
fn in_panels(matrix: &[f32], columns: usize, panel: usize, stride: usize) -> Vec<f32> {
    let mut panels = vec![0.; columns.div_ceil(panel) * stride];
    for (row, numbers) in matrix.chunks_exact(columns).enumerate() {
        for (column, number) in numbers.iter().enumerate() {
            panels[column / panel * stride + row * panel + column % panel] = *number;
        }
    }
    panels
}

fn number(panels: &[f32], panel: usize, stride: usize, row: usize, column: usize) -> f64 {
    panels[column / panel * stride + row * panel + column % panel].into()
}

fn numbers(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed | 1;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.
    };
    (0..len).map(|_| next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_product_is_exact_to_rounding(
        rows in 1_usize..60,
        depth in 1_usize..150,
        columns in 1_usize..100,
        gap in 0_usize..3,
        add in any::<bool>(),
        with_bias in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (a, b) = (numbers(seed, rows * depth), numbers(seed ^ 77, depth * columns));
        let bias = numbers(seed ^ 99, columns);
        for kernels in all() {
            let panel = kernels.panel();
            let panels = columns.div_ceil(panel);
            let stride = (rows + gap) * panel;
            let input = in_panels(&a, depth, panel, stride);
            let weights = in_panels(&b, columns, panel, depth * panel);
            let mut padded = bias.clone();
            padded.resize(panels * panel, 0.);
            let mut output = vec![0.5; panels * stride];
            kernels.matmul(Matmul {
                rows,
                depth,
                input: Panels { data: &input, stride },
                weights: Panels { data: &weights, stride: depth * panel },
                units: (),
                bias: with_bias.then_some(&padded),
                add,
                panels,
                ahead: 1,
                output: PanelsMut { data: &mut output, stride },
            });
            for row in 0..rows {
                for column in 0..columns {
                    let product = |k| f64::from(a[row * depth + k]) * f64::from(b[k * columns + column]);
                    let mut exact: f64 = (0..depth).map(product).sum();
                    exact += if with_bias { f64::from(bias[column]) } else { 0. };
                    exact += if add { 0.5 } else { 0. };
                    let found = number(&output, panel, stride, row, column);
                    prop_assert!((found - exact).abs() < 2e-5, "{:?}: {found} {exact}", kernels.isa());
                }
            }
            for p in 0..panels {
                let beyond = &output[p * stride + rows * panel..(p + 1) * stride];
                prop_assert!(beyond.iter().all(|number| *number == 0.5), "rows beyond are written");
            }
        }
    }

    #[test]
    fn a_product_in_bf16_is_exact_to_rounding(
        rows in 1_usize..60,
        depth in 1_usize..150,
        columns in 1_usize..100,
        seed in any::<u64>(),
    ) {
        let halves = |numbers: Vec<f32>| numbers.into_iter().map(|x| f32::from(Bf16::from(x)));
        let a: Vec<f32> = halves(numbers(seed, rows * depth)).collect();
        let b: Vec<f32> = halves(numbers(seed ^ 77, depth * columns)).collect();
        for kernels in all().into_iter().filter(Kernels::have_bf16) {
            let panel = kernels.panel();
            let (panels, stride) = (columns.div_ceil(panel), rows * panel);
            let input = in_panels(&a, depth, panel, stride);
            let mut input_halves = vec![Bf16::default(); input.len()];
            kernels.narrow(&input, &mut input_halves);
            let one = depth.next_multiple_of(2) * panel;
            let mut weights = vec![Bf16::default(); panels * one];
            for k in 0..depth {
                for c in 0..columns {
                    let at = c / panel * one + (k / 2 * panel + c % panel) * 2 + k % 2;
                    weights[at] = b[k * columns + c].into();
                }
            }
            let mut output = vec![0.; panels * stride];
            kernels.matmul_bf16(Matmul {
                rows,
                depth,
                input: Panels { data: &input_halves, stride },
                weights: Panels { data: &weights, stride: one },
                units: (),
                bias: None,
                add: false,
                panels,
                ahead: 1,
                output: PanelsMut { data: &mut output, stride },
            });
            for row in 0..rows {
                for column in 0..columns {
                    let product = |k| f64::from(a[row * depth + k]) * f64::from(b[k * columns + column]);
                    let exact: f64 = (0..depth).map(product).sum();
                    let found = number(&output, panel, stride, row, column);
                    prop_assert!((found - exact).abs() < 2e-5, "{:?}: {found} {exact}", kernels.isa());
                }
            }
        }
    }

    #[test]
    fn numbers_are_narrowed_alike(
        bits in vec(any::<u32>().prop_map(f32::from_bits).prop_filter("a normal number", |x| x.is_normal()), 64),
    ) {
        let expected: Vec<Bf16> = bits.iter().map(|number| (*number).into()).collect();
        for kernels in all().into_iter().filter(Kernels::have_bf16) {
            let mut halves = vec![Bf16::default(); bits.len()];
            kernels.narrow(&bits, &mut halves);
            prop_assert_eq!(&halves, &expected, "{:?}", kernels.isa());
        }
    }

    #[test]
    fn a_layer_norm_is_exact_to_rounding(
        rows in 1_usize..20,
        columns in 2_usize..100,
        offset in -3_f32..3.,
        seed in any::<u64>(),
    ) {
        let a: Vec<f32> = numbers(seed, rows * columns).iter().map(|x| x + offset).collect();
        let (weight, bias) = (numbers(seed ^ 5, columns), numbers(seed ^ 6, columns));
        for kernels in all() {
            let panel = kernels.panel();
            let stride = rows * panel;
            let input = in_panels(&a, columns, panel, stride);
            let [weights, biases] = [&weight, &bias].map(|row| in_panels(row, columns, panel, panel));
            let mut moments = vec![[0.; 2]; rows];
            kernels.moments(Moments {
                columns,
                input: Panels { data: &input, stride },
                epsilon: 1e-5,
                output: &mut moments,
            });
            let mut output = vec![0.; input.len()];
            for (p, output) in output.chunks_exact_mut(stride).enumerate() {
                kernels.normalize(Normalize {
                    moments: &moments,
                    input: &input[p * stride..],
                    weight: &weights[p * panel..],
                    bias: &biases[p * panel..],
                    output,
                });
            }
            for (row, numbers) in a.chunks_exact(columns).enumerate() {
                let mean = numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / columns as f64;
                let square = |x: &f32| (f64::from(*x) - mean).powi(2);
                let deviation = numbers.iter().map(square).sum::<f64>() / columns as f64 + 1e-5;
                for (column, x) in numbers.iter().enumerate() {
                    let normal = (f64::from(*x) - mean) / deviation.sqrt();
                    let exact = normal * f64::from(weight[column]) + f64::from(bias[column]);
                    let found = number(&output, panel, stride, row, column);
                    prop_assert!((found - exact).abs() < 1e-4, "{:?}: {found} {exact}", kernels.isa());
                }
            }
        }
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_the_ratios(
        rows in 1_usize..20,
        scores in vec(-90_f32..90., 1..80),
    ) {
        for kernels in all() {
            let panel = kernels.panel();
            let panels = scores.len().div_ceil(panel);
            let mut matrix = vec![-1e30; panels * rows * panel];
            for row in 0..rows {
                for (column, score) in scores.iter().enumerate() {
                    matrix[(column / panel * rows + row) * panel + column % panel] = *score;
                }
            }
            kernels.softmax(&mut matrix, rows);
            let largest = scores.iter().fold(f32::MIN, |a, b| a.max(*b));
            let powers: Vec<f64> = scores.iter().map(|x| f64::from(x - largest).exp()).collect();
            let sum: f64 = powers.iter().sum();
            for row in 0..rows {
                for (column, power) in powers.iter().enumerate() {
                    let found = number(&matrix, panel, rows * panel, row, column);
                    prop_assert!((found - power / sum).abs() < 1e-6, "{:?}", kernels.isa());
                }
            }
        }
    }

    #[test]
    fn a_slice_that_is_too_short_panics_and_is_not_read(
        rows in 1_usize..30,
        depth in 1_usize..100,
        missing in 1_usize..9,
        which in 0_usize..4,
    ) {
        for kernels in all() {
            let panel = kernels.panel();
            let lens = [depth.div_ceil(panel) * rows * panel, depth * panel, panel, rows * panel];
            let [mut input, mut weights, mut bias, mut output] = lens.map(|len| vec![0.; len]);
            let short = [&mut input, &mut weights, &mut bias, &mut output][which].len();
            [&mut input, &mut weights, &mut bias, &mut output][which].truncate(short - missing);
            let run = || kernels.matmul(Matmul {
                rows,
                depth,
                input: Panels { data: &input, stride: rows * panel },
                weights: Panels { data: &weights, stride: depth * panel },
                units: (),
                bias: Some(&bias),
                add: false,
                panels: 1,
                ahead: 0,
                output: PanelsMut { data: &mut output.clone(), stride: rows * panel },
            });
            prop_assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
        }
    }
}

/// `erf` by its series in double precision, which converges well enough on [-6, 6].
fn erf_series(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    (sum * 2. / std::f64::consts::PI.sqrt()).clamp(-1., 1.)
}

fn largest_difference(activation: Activation, exact: impl Fn(f64) -> f64) -> f64 {
    let inputs: Vec<f32> = (-60_000..60_000).map(|i| i as f32 * 1e-4).collect();
    let differences = all().into_iter().map(|kernels| {
        let mut outputs = inputs.clone();
        kernels.activate(activation, &mut outputs);
        let pairs = inputs.iter().zip(outputs);
        pairs.map(|(&x, y)| (exact(x.into()) - f64::from(y)).abs()).fold(0., f64::max)
    });
    differences.fold(0., f64::max)
}

#[test]
fn gelu_is_exact_to_f32() {
    let exact = |x: f64| x * 0.5 * (1. + erf_series(x * std::f64::consts::FRAC_1_SQRT_2));
    let difference = largest_difference(Activation::Gelu, exact);
    assert!(difference < 1.5e-6, "{difference}");
}

#[test]
fn quick_gelu_is_exact_to_f32() {
    let difference = largest_difference(Activation::QuickGelu, |x| x / (1. + (-1.702 * x).exp()));
    assert!(difference < 1.5e-6, "{difference}");
}

#[test]
fn far_from_zero_nothing_overflows() {
    for kernels in all() {
        for activation in [Activation::Gelu, Activation::QuickGelu] {
            let mut numbers = vec![0.; kernels.panel()];
            numbers[..5].copy_from_slice(&[-1e30, -100., 0., 100., 1e30]);
            kernels.activate(activation, &mut numbers);
            let exact = [0., 0., 0., 100., 1e30];
            let close = numbers.iter().zip(exact).all(|(y, exact)| (y - exact).abs() < 1e-8);
            assert!(close, "{:?} {numbers:?}", kernels.isa());
        }
    }
}

#[test]
fn a_number_that_is_none_stays_none() {
    // A model whose numbers overflow must be noticed at its end.
    for kernels in all() {
        for activation in [Activation::Gelu, Activation::QuickGelu] {
            let mut numbers = vec![f32::NAN; kernels.panel()];
            kernels.activate(activation, &mut numbers);
            assert!(
                numbers.iter().all(|number| number.is_nan()),
                "{:?} {activation:?}",
                kernels.isa()
            );
        }
        let mut scores = vec![0.; kernels.panel()];
        scores[1] = f32::NAN;
        kernels.softmax(&mut scores, 1);
        assert!(scores.iter().any(|score| score.is_nan()), "{:?}", kernels.isa());
    }
}
