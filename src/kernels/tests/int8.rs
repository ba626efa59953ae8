//! Matrices in int8: exact, whatever lies in the tails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::kernels::int8::{self, Units};

fn with_int8() -> impl Iterator<Item = Kernels> {
    all().into_iter().filter(Kernels::have_int8)
}

/// `[rows][depth]` as bytes in panels, whose columns beyond `depth` hold anything, and the units.
fn bytes_of(
    kernels: &Kernels,
    numbers: &[f32],
    (rows, depth): (usize, usize),
    stride: usize,
) -> (Vec<Int8>, Vec<f32>) {
    let (panel, panels) = (kernels.panel(), depth.div_ceil(kernels.panel()));
    let input = in_panels(numbers, depth, panel, stride);
    let mut units = vec![0.; rows];
    let data = Panels { data: &input, stride };
    kernels.find_units(FindUnits { panels, input: data, units: &mut units });
    let mut bytes = vec![Int8::input(-99.); input.len()];
    for (numbers, bytes) in input.chunks(stride).zip(bytes.chunks_mut(stride)) {
        let len = rows * panel;
        kernels.quantize(&numbers[..len], &units, &mut bytes[..len]);
    }
    for row in 0..rows {
        for column in depth..panels * panel {
            bytes[column / panel * stride + row * panel + column % panel] = Int8::input(77.);
        }
    }
    (bytes, units)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_product_is_the_sum_of_its_bytes(
        rows in 1_usize..60,
        depth in 1_usize..150,
        columns in 1_usize..100,
        gap in 0_usize..3,
        add in any::<bool>(),
        with_bias in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let a = numbers(seed, rows * depth);
        let b: Vec<f32> = numbers(seed ^ 77, depth * columns).iter().map(|x| x * 127.).collect();
        for kernels in with_int8() {
            let panel = kernels.panel();
            let (panels, stride) = (columns.div_ceil(panel), (rows + gap) * panel);
            let (input, row_units) = bytes_of(&kernels, &a, (rows, depth), stride);
            let one = depth.next_multiple_of(4) * panel;
            let mut weights = vec![Int8::default(); panels * one];
            let (mut offsets, mut units) = (vec![0; panels * panel], vec![0.; panels * panel]);
            for c in 0..columns {
                let column = (0..depth).map(|k| Int8::weight(b[k * columns + c]));
                for (k, weight) in column.clone().enumerate() {
                    weights[c / panel * one + (k / 4 * panel + c % panel) * 4 + k % 4] = weight;
                }
                (offsets[c], units[c]) = (int8::offset(column), 0.5 + c as f32);
            }
            let bias = numbers(seed ^ 99, panels * panel);
            let mut output = vec![0.5; panels * stride];
            kernels.matmul_int8(Matmul {
                rows,
                depth,
                input: Panels { data: &input, stride },
                weights: Panels { data: &weights, stride: one },
                units: Units { rows: &row_units, columns: &units, offsets: &offsets },
                bias: with_bias.then_some(&bias),
                add,
                panels,
                ahead: 1,
                output: PanelsMut { data: &mut output, stride },
            });
            for row in 0..rows {
                let numbers = &a[row * depth..][..depth];
                let largest = numbers.iter().fold(0_f32, |most, x| most.max(x.abs()));
                prop_assert!((row_units[row] * 127. - largest).abs() <= largest * 1e-6);
                for column in 0..columns {
                    let sum: i32 = (0..depth)
                        .map(|k| {
                            let at = k / panel * stride + row * panel + k % panel;
                            let weight = Int8::weight(b[k * columns + column]);
                            (input[at].as_input() - 128) * weight.as_weight()
                        })
                        .sum();
                    let unit = f64::from(row_units[row]) * f64::from(units[column]);
                    let mut exact = f64::from(sum) * unit;
                    exact += if with_bias { f64::from(bias[column]) } else { 0. };
                    exact += if add { 0.5 } else { 0. };
                    let found = number(&output, panel, stride, row, column);
                    let near = (found - exact).abs() <= 1e-6 * (exact.abs() + f64::from(sum).abs() * unit + 1.);
                    prop_assert!(near, "{:?}: {found} {exact}", kernels.isa());
                }
            }
        }
    }

    #[test]
    fn a_byte_is_the_nearest_multiple_of_its_unit(
        rows in 1_usize..40,
        columns in 1_usize..100,
        size in -30_i32..30,
        seed in any::<u64>(),
    ) {
        let size = 10_f32.powi(size);
        let a: Vec<f32> = numbers(seed, rows * columns).into_iter().map(|x| x * size).collect();
        for kernels in with_int8() {
            let panel = kernels.panel();
            let stride = rows * panel;
            let (bytes, units) = bytes_of(&kernels, &a, (rows, columns), stride);
            for (at, exact) in a.iter().enumerate() {
                let (row, column) = (at / columns, at % columns);
                let byte = bytes[column / panel * stride + row * panel + column % panel].as_input();
                let found = (byte - 128) as f32 * units[row];
                prop_assert!((found - exact).abs() <= 0.50001 * units[row], "{found} {exact}");
            }
        }
    }

    #[test]
    fn a_slice_that_is_too_short_panics_and_is_not_read(
        rows in 1_usize..30,
        depth in 1_usize..100,
        missing in 1_usize..4,
        which in 0_usize..5,
    ) {
        for kernels in with_int8() {
            let panel = kernels.panel();
            let lens =
                [depth.div_ceil(panel) * rows * panel, depth.next_multiple_of(4) * panel, rows, panel, panel];
            let len = |i: usize| lens[i].saturating_sub(if i == which { missing } else { 0 });
            let (input, weights) = (vec![Int8::default(); len(0)], vec![Int8::default(); len(1)]);
            let (row_units, units, offsets) = (vec![1.; len(2)], vec![1.; len(3)], vec![0; len(4)]);
            let mut output = vec![0.; rows * panel];
            let run = || kernels.matmul_int8(Matmul {
                rows,
                depth,
                input: Panels { data: &input, stride: rows * panel },
                weights: Panels { data: &weights, stride: lens[1] },
                units: Units { rows: &row_units, columns: &units, offsets: &offsets },
                bias: None,
                add: false,
                panels: 1,
                ahead: 0,
                output: PanelsMut { data: &mut output, stride: rows * panel },
            });
            prop_assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        }
    }
}

#[test]
fn a_row_with_a_number_that_is_none_or_infinite_has_no_unit() {
    for kernels in with_int8() {
        let panel = kernels.panel();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in 0..2 * panel {
                let mut input = vec![1.; 4 * panel];
                input[at / panel * 2 * panel + at % panel] = bad;
                let mut units = [0.; 2];
                let data = Panels { data: &input, stride: 2 * panel };
                kernels.find_units(FindUnits { panels: 2, input: data, units: &mut units });
                assert!(!units[0].is_finite(), "{:?} {bad} {at}: {}", kernels.isa(), units[0]);
                assert_eq!(units[1], 1. / 127., "{:?}", kernels.isa());
            }
        }
    }
}

#[test]
fn units_and_bytes_of_other_lengths_are_refused() {
    for kernels in with_int8() {
        let panel = kernels.panel();
        let short = vec![0.; 2 * panel - 1];
        let find = || {
            let input = Panels { data: &short, stride: 2 * panel };
            kernels.find_units(FindUnits { panels: 1, input, units: &mut [0.; 2] });
        };
        assert!(catch_unwind(AssertUnwindSafe(find)).is_err());
        let quantize = || kernels.quantize(&short, &[1.; 2], &mut vec![Int8::default(); 2 * panel]);
        assert!(catch_unwind(AssertUnwindSafe(quantize)).is_err());
    }
}
