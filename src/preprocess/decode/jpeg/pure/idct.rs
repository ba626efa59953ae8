//! The accurate integer inverse DCT of libjpeg ("islow", `jidctint.c`; Loeffler, Ligtenberg and
//! Moschytz 1989), with its 13-bit constants and its rounding. Values of 16 bits wrap and saturate
//! where libjpeg-turbo's x86 code does (`jidctint-avx2.asm`), so coefficients far out of range,
//! which only damage makes, give the same samples too.

use super::{scan::Block, tables::Steps};

/// Fraction bits of the constants.
const CONST_BITS: u32 = 13;
/// Fraction bits that are kept between the passes.
const PASS1_BITS: u32 = 2;

/// Multiplies `block` by its quantisation `steps` and writes its 8 x 8 samples to `out`, rows
/// `stride` apart.
#[inline]
pub(super) fn inverse_dct(block: &Block, steps: &Steps, out: &mut [u8], stride: usize) {
    let below = block[8..].iter().fold(0, |all, value| all | value);
    if below == 0 {
        return inverse_row(block, steps, out, stride);
    }
    let mut rows = [[0; 8]; 8];
    let stored = block.as_chunks::<8>().0.iter().zip(steps.as_chunks::<8>().0);
    for (row, (values, steps)) in rows.iter_mut().zip(stored) {
        for i in 0..8 {
            row[i] = values[i].wrapping_mul(steps[i] as i16);
        }
    }
    pass::<{ CONST_BITS - PASS1_BITS }>(&mut rows);
    transpose(&mut rows);
    pass::<{ CONST_BITS + PASS1_BITS + 3 }>(&mut rows);
    transpose(&mut rows);
    for (row, out) in rows.iter().zip(out.chunks_mut(stride)) {
        write(row, out);
    }
}

/// The same where only the first row has coefficients: all rows of samples are equal.
#[inline]
fn inverse_row(block: &Block, steps: &Steps, out: &mut [u8], stride: usize) {
    let mut columns = [[0; 8]; 8];
    for i in 0..8 {
        columns[i][0] = block[i].wrapping_mul(steps[i] as i16) << PASS1_BITS;
    }
    let mut row = [0; 8];
    if block[1..8] == [0; 7] {
        row = [((i32::from(columns[0][0]) + 16) >> (PASS1_BITS + 3)) as i16; 8];
    } else {
        pass::<{ CONST_BITS + PASS1_BITS + 3 }>(&mut columns);
        for i in 0..8 {
            row[i] = columns[i][0];
        }
    }
    for out in out.chunks_mut(stride).take(8) {
        write(&row, out);
    }
}

/// Saturates, and moves the middle from 0 to 128.
#[inline(always)]
fn write(row: &[i16; 8], out: &mut [u8]) {
    if let Some(out) = out.first_chunk_mut::<8>() {
        for i in 0..8 {
            out[i] = (row[i].clamp(-128, 127) + 128) as u8;
        }
    }
}

/// One pass over all columns, whose results are divided by `1 << SHIFT`.
#[inline(always)]
fn pass<const SHIFT: u32>([r0, r1, r2, r3, r4, r5, r6, r7]: &mut [[i16; 8]; 8]) {
    for i in 0..8 {
        let column = [r0[i], r1[i], r2[i], r3[i], r4[i], r5[i], r6[i], r7[i]];
        [r0[i], r1[i], r2[i], r3[i], r4[i], r5[i], r6[i], r7[i]] = transform::<SHIFT>(column);
    }
}

/// The transform of eight values, in the order of operations of libjpeg-turbo. The constants are
/// sums of cosines, times 8192, as `jidctint.c` derives them.
#[inline(always)]
fn transform<const SHIFT: u32>(input: [i16; 8]) -> [i16; 8] {
    let [in0, in1, in2, in3, in4, in5, in6, in7] = input;
    let wide = i32::from;
    // Even part.
    let tmp3 = wide(in2) * 10_703 + wide(in6) * 4_433;
    let tmp2 = wide(in2) * 4_433 + wide(in6) * -10_704;
    let tmp0 = wide(in0.wrapping_add(in4)) << CONST_BITS;
    let tmp1 = wide(in0.wrapping_sub(in4)) << CONST_BITS;
    let even = [tmp0 + tmp3, tmp1 + tmp2, tmp1 - tmp2, tmp0 - tmp3];
    // Odd part.
    let (sum3, sum4) = (in7.wrapping_add(in3), in5.wrapping_add(in1));
    let z3 = wide(sum3) * -6_436 + wide(sum4) * 9_633;
    let z4 = wide(sum3) * 9_633 + wide(sum4) * 6_437;
    let odd = [
        wide(in7) * -7_373 + wide(in1) * 4_926 + z4,
        wide(in5) * -20_995 + wide(in3) * 4_177 + z3,
        wide(in5) * -4_176 + wide(in3) * -20_995 + z4,
        wide(in7) * -4_927 + wide(in1) * -7_373 + z3,
    ];
    let round = |v: i32| {
        let v = v.wrapping_add(1 << (SHIFT - 1)) >> SHIFT;
        v.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    let plus = |i: usize| round(even[i].wrapping_add(odd[i]));
    let minus = |i: usize| round(even[i].wrapping_sub(odd[i]));
    [plus(0), plus(1), plus(2), plus(3), minus(3), minus(2), minus(1), minus(0)]
}

/// Swaps rows and columns in three rounds of interleaving row `i` with row `i + 4`.
#[inline(always)]
fn transpose(rows: &mut [[i16; 8]; 8]) {
    for _ in 0..3 {
        let mut next = [[0; 8]; 8];
        for i in 0..4 {
            let (a, b) = (rows[i], rows[i + 4]);
            next[2 * i] = [a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3]];
            next[2 * i + 1] = [a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7]];
        }
        *rows = next;
    }
}

#[cfg(test)]
mod tests {
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
