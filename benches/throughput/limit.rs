//! How many f32 operations a second the machine does at most: multiply-adds in chains that do not
//! wait for one another, on numbers that never leave the registers.
#![allow(unsafe_code, reason = "instruction sets, which are asked for first")]

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

/// Multiply-adds of a chain between two looks at the clock.
const STEPS: usize = 100_000;

/// GFLOP/s of `threads` threads together, with the widest instruction set of the processor.
pub fn gflops(threads: usize, seconds: f64) -> f64 {
    let run = widest();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads).map(|_| scope.spawn(move || one_thread(run, seconds))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it only computes")).sum()
    })
}

fn one_thread(run: fn() -> usize, seconds: f64) -> f64 {
    let (start, time) = (Instant::now(), Duration::from_secs_f64(seconds));
    let mut operations = 0;
    while start.elapsed() < time {
        operations += run();
    }
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}

#[cfg(target_arch = "x86_64")]
fn widest() -> fn() -> usize {
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has it.
        || unsafe { x86::avx512() }
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: likewise.
        || unsafe { x86::avx2() }
    } else {
        plain
    }
}

#[cfg(target_arch = "aarch64")]
fn widest() -> fn() -> usize {
    // SAFETY: every 64-bit Arm has it.
    || unsafe { neon() }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn widest() -> fn() -> usize {
    plain
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps, _mm512_fmadd_ps, _mm512_set1_ps};

    use super::{STEPS, black_box};

    /// Operations done. 24 of the 32 registers are chains.
    #[target_feature(enable = "avx512f")]
    pub fn avx512() -> usize {
        let (factor, addend) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(0.25)));
        let mut chains = [_mm512_set1_ps(1.); 24];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = _mm512_fmadd_ps(*chain, factor, addend);
            }
        }
        black_box(chains);
        STEPS * chains.len() * 16 * 2
    }

    /// Operations done. 12 of the 16 registers are chains.
    #[target_feature(enable = "avx2,fma")]
    pub fn avx2() -> usize {
        let (factor, addend) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(0.25)));
        let mut chains = [_mm256_set1_ps(1.); 12];
        for _ in 0..STEPS {
            for chain in &mut chains {
                *chain = _mm256_fmadd_ps(*chain, factor, addend);
            }
        }
        black_box(chains);
        STEPS * chains.len() * 8 * 2
    }
}

/// Operations done. 24 of the 32 registers are chains.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
fn neon() -> usize {
    use std::arch::aarch64::{vdupq_n_f32, vfmaq_f32};
    let (factor, addend) = (vdupq_n_f32(black_box(0.5)), vdupq_n_f32(black_box(0.25)));
    let mut chains = [vdupq_n_f32(1.); 24];
    for _ in 0..STEPS {
        for chain in &mut chains {
            *chain = vfmaq_f32(*chain, factor, addend);
        }
    }
    black_box(chains);
    STEPS * chains.len() * 4 * 2
}

/// Where no instruction set is known: a multiplication and an addition of plain Rust.
#[cfg(not(target_arch = "aarch64"))]
fn plain() -> usize {
    let (factor, addend) = (black_box(0.5), black_box(0.25));
    let mut chains = [1f32; 32];
    for _ in 0..STEPS {
        for chain in &mut chains {
            *chain = *chain * factor + addend;
        }
    }
    black_box(chains);
    STEPS * chains.len() * 2
}
