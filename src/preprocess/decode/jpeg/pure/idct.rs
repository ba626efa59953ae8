//! The accurate integer inverse DCT of libjpeg ("islow", `jidctint.c`; Loeffler, Ligtenberg and
//! Moschytz 1989), with its 13-bit constants and its rounding. Values of 16 bits wrap and saturate
//! where libjpeg-turbo's x86 code does (`jidctint-avx2.asm`), so coefficients far out of range,
//! which only damage makes, give the same samples too.

use super::{scan::Block, tables::Steps};
use crate::kernels::words::{self, Words};

/// Fraction bits of the constants.
const CONST_BITS: i32 = 13;
/// Fraction bits that are kept between the passes.
const PASS1_BITS: i32 = 2;

/// Multiplies `block` by its quantisation `steps` and writes its 8 x 8 samples to `out`, rows
/// `stride` apart.
#[inline]
pub(super) fn inverse_dct(block: &Block, steps: &Steps, out: &mut [u8], stride: usize) {
    inverse::<words::Best>(block, steps, out, stride);
}

#[inline(always)]
fn inverse<W: Words>(block: &Block, steps: &Steps, out: &mut [u8], stride: usize) {
    let mut rows = [W::load(&[0; 8]); 8];
    let stored = block.as_chunks::<8>().0.iter().zip(steps.as_chunks::<8>().0);
    for (row, (values, steps)) in rows.iter_mut().zip(stored) {
        *row = W::load(values).multiply(W::load(&steps.map(|step| step as i16)));
    }
    let below = block[8..].iter().fold(0, |all, value| all | value);
    if below == 0 {
        return inverse_row(rows[0], out, stride);
    }
    let rows = transpose(pass::<{ CONST_BITS - PASS1_BITS }, W>(rows));
    let rows = transpose(pass::<{ CONST_BITS + PASS1_BITS + 3 }, W>(rows));
    for (row, out) in rows.iter().zip(out.chunks_mut(stride)) {
        write(row.to_samples(), out);
    }
}

/// The same where only the first row has coefficients: all rows of samples are equal.
#[inline(always)]
fn inverse_row<W: Words>(row: W, out: &mut [u8], stride: usize) {
    let first = row.to_array();
    let samples = if first[1..] == [0; 7] {
        let level = (i32::from(first[0] << PASS1_BITS) + 16) >> (PASS1_BITS + 3);
        W::load(&[level as i16; 8]).to_samples()
    } else {
        let columns = first.map(|value| W::load(&[value << PASS1_BITS; 8]));
        let columns = pass::<{ CONST_BITS + PASS1_BITS + 3 }, W>(columns);
        W::load(&columns.map(|column| column.to_array()[0])).to_samples()
    };
    for out in out.chunks_mut(stride).take(8) {
        write(samples, out);
    }
}

#[inline(always)]
fn write(samples: [u8; 8], out: &mut [u8]) {
    if let Some(out) = out.first_chunk_mut() {
        *out = samples;
    }
}

/// The transform of eight values in each lane, divided by `1 << SHIFT`, in the order of operations
/// of libjpeg-turbo. The constants are sums of cosines, times 8192, as `jidctint.c` derives them.
#[inline(always)]
fn pass<const SHIFT: i32, W: Words>([in0, in1, in2, in3, in4, in5, in6, in7]: [W; 8]) -> [W; 8] {
    // Even part.
    let (tmp3, tmp2) = (in2.products(in6, [10_703, 4_433]), in2.products(in6, [4_433, -10_704]));
    // Times 1 << CONST_BITS.
    let scaled = |words: W| words.products(W::load(&[0; 8]), [1 << CONST_BITS, 0]);
    let (tmp0, tmp1) = (scaled(in0.add(in4)), scaled(in0.subtract(in4)));
    let even = [
        W::add_wide(tmp0, tmp3),
        W::add_wide(tmp1, tmp2),
        W::subtract_wide(tmp1, tmp2),
        W::subtract_wide(tmp0, tmp3),
    ];
    // Odd part.
    let (sum3, sum4) = (in7.add(in3), in5.add(in1));
    let z3 = sum3.products(sum4, [-6_436, 9_633]);
    let z4 = sum3.products(sum4, [9_633, 6_437]);
    let odd = [
        W::add_wide(in7.products(in1, [-7_373, 4_926]), z4),
        W::add_wide(in5.products(in3, [-20_995, 4_177]), z3),
        W::add_wide(in5.products(in3, [-4_176, -20_995]), z4),
        W::add_wide(in7.products(in1, [-4_927, -7_373]), z3),
    ];
    let plus = |i: usize| W::narrow::<SHIFT>(W::add_wide(even[i], odd[i]));
    let minus = |i: usize| W::narrow::<SHIFT>(W::subtract_wide(even[i], odd[i]));
    [plus(0), plus(1), plus(2), plus(3), minus(3), minus(2), minus(1), minus(0)]
}

/// Swaps rows and columns in three rounds of interleaving row `i` with row `i + 4`.
#[inline(always)]
fn transpose<W: Words>(mut rows: [W; 8]) -> [W; 8] {
    for _ in 0..3 {
        let mut next = rows;
        for i in 0..4 {
            [next[2 * i], next[2 * i + 1]] = rows[i].interleave(rows[i + 4]);
        }
        rows = next;
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples(block: &Block, step: u16) -> Vec<u8> {
        let mut out = vec![0; 64];
        inverse_dct(block, &[step; 64], &mut out, 8);
        out
    }

    #[test]
    fn a_constant_block_is_an_eighth_of_its_coefficient() {
        let mut block = [0; 64];
        for (coefficient, sample) in [(0, 128), (80, 138), (-4, 128), (-5, 127), (2000, 255)] {
            block[0] = coefficient;
            assert_eq!(samples(&block, 1), [sample; 64], "{coefficient}");
        }
    }

    proptest! {
        /// Of all sizes, so that sums wrap and saturate, with few and with many that are not zero.
        #[test]
        fn both_kinds_of_words_give_the_same_samples(
            values in prop::collection::vec((0..64usize, any::<i16>(), 0..16u32), 0..64),
            step in any::<u16>(),
        ) {
            let mut block = [0; 64];
            for (at, value, shift) in values {
                block[at] = value >> shift;
            }
            let mut plain = vec![0; 64];
            inverse::<[i16; 8]>(&block, &[step; 64], &mut plain, 8);
            prop_assert_eq!(samples(&block, step), plain);
        }
    }

    #[test]
    fn samples_are_within_one_of_the_real_transform() {
        let mut block = [0; 64];
        for (at, value) in [(0, 31), (1, -40), (8, 25), (19, 12), (36, -9), (63, 14)] {
            block[at] = value;
        }
        let basis = |k: usize, x: usize| {
            let scale = if k == 0 { 0.125f64.sqrt() } else { 0.5 };
            scale * ((2 * x + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos()
        };
        for (at, sample) in samples(&block, 3).into_iter().enumerate() {
            let sum: f64 = (0..64)
                .map(|k| 3.0 * f64::from(block[k]) * basis(k / 8, at / 8) * basis(k % 8, at % 8))
                .sum();
            let real = (sum + 128.0).clamp(0.0, 255.0);
            assert!((real - f64::from(sample)).abs() < 1.0, "{at}: {sample} is not {real}");
        }
    }
}
