//! Every instruction set of this machine against the portable version, byte for byte, over windows
//! of every length, in every place, with weights up to the most that there may be.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::kernels::{Isa, Kernels};

/// An image of `width` pixels a row, and what is made of it.
#[derive(Clone, Debug)]
struct Case {
    width: usize,
    image: Vec<u8>,
    columns: Vec<(usize, Vec<i32>)>,
    rows: Vec<(usize, Vec<i32>)>,
}

impl Case {
    fn resampled(&self, isa: Isa) -> Option<Vec<u8>> {
        let kernels = Kernels::of(isa)?;
        let windows = |axis: &[(usize, Vec<i32>)]| -> Vec<Window> {
            axis.iter().cloned().map(|(start, weights)| Window { start, weights }).collect()
        };
        let mut output = vec![0; self.columns.len() * self.rows.len() * CHANNELS];
        kernels.resample(Resample {
            image: &self.image,
            width: self.width,
            columns: &windows(&self.columns),
            rows: &windows(&self.rows),
            output: &mut output,
        });
        Some(output)
    }
}

/// Windows on an axis of `length` pixels: where each begins and ends, in order.
fn windows(length: usize) -> impl Strategy<Value = Vec<(usize, Vec<i32>)>> {
    let ends = vec((0..length, 1..=length.min(70)), 1..60);
    ends.prop_flat_map(move |ends| {
        let (mut starts, lengths): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        starts.sort_unstable();
        let mut end = 0;
        let windows = starts.into_iter().zip(lengths).map(|(start, count)| {
            end = length.min(start + count).max(end);
            (Just(start), weights(end - start))
        });
        windows.collect::<Vec<_>>()
    })
}

/// Some that have all bits between them.
fn weights(count: usize) -> impl Strategy<Value = Vec<i32>> {
    let most = MOST_WEIGHT as i32 / count as i32;
    let weight = prop_oneof![-most..=most, Just(most), Just(-most), -300..=300];
    vec(weight, count)
}

fn case() -> impl Strategy<Value = Case> {
    let sides = prop_oneof![
        (1..90_usize, 1..90_usize),
        (1..400_usize, 1..4_usize),
        (1..4_usize, 1..400_usize)
    ];
    sides.prop_flat_map(|(width, height)| {
        let level = prop_oneof![Just(0_u8), Just(255), any::<u8>()];
        (vec(level, width * height * CHANNELS), windows(width), windows(height))
            .prop_map(move |(image, columns, rows)| Case { width, image, columns, rows })
    })
}

proptest! {
    #[test]
    fn every_instruction_set_gives_the_same_bytes(case in case()) {
        let plain = case.resampled(Isa::Portable);
        for isa in [Isa::Avx512, Isa::Avx2, Isa::Neon] {
            if let Some(found) = case.resampled(isa) {
                prop_assert_eq!(Some(found), plain.clone(), "{:?}", isa);
            }
        }
    }
}

fn one_pixel() -> Case {
    let whole = vec![(0, vec![1 << PRECISION_BITS])];
    Case { width: 1, image: vec![7; 3], columns: whole.clone(), rows: whole }
}

#[test]
fn one_pixel_is_itself() {
    assert_eq!(one_pixel().resampled(Isa::Portable), Some(vec![7; 3]));
}

#[test]
#[should_panic(expected = "columns lie in the image")]
fn a_window_beyond_the_columns_is_refused() {
    Case { columns: vec![(1, vec![1])], ..one_pixel() }.resampled(Isa::Portable);
}

#[test]
#[should_panic(expected = "rows lie in the image")]
fn a_window_beyond_the_rows_is_refused() {
    Case { rows: vec![(0, vec![1; 2])], ..one_pixel() }.resampled(Isa::Portable);
}

#[test]
#[should_panic(expected = "windows follow each other")]
fn windows_out_of_order_are_refused() {
    let columns = vec![(0, vec![1; 3]), (1, vec![1])];
    Case { width: 3, image: vec![0; 9], columns, ..one_pixel() }.resampled(Isa::Portable);
}

#[test]
#[should_panic(expected = "weights are small")]
fn weights_that_32_bits_may_not_hold_are_refused() {
    let rows = vec![(0, vec![-(MOST_WEIGHT as i32) - 1])];
    Case { rows, ..one_pixel() }.resampled(Isa::Portable);
}

#[test]
#[should_panic(expected = "the output is the resized image")]
fn an_output_of_another_size_is_refused() {
    let whole = [Window { start: 0, weights: vec![1] }];
    let (columns, rows) = (&whole, &whole);
    let task = Resample { image: &[0; 3], width: 1, columns, rows, output: &mut [0; 4] };
    Kernels::best().resample(task);
}
