//! The two activations that CLIP models were trained with, exact GELU and QuickGELU.
//!
//! On a CPU in f32 they run in place and on all threads, since candle's own run on one and, for
//! GELU, through a slow `erf`. Elsewhere they are candle's operations.

use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Result, Tensor, bail};
use rayon::prelude::*;

use super::architecture::Activation;

/// Applies `activation` to each number of `x`, whose memory may be used for the answer.
pub(super) fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() && x.dtype() == DType::F32 && x.is_contiguous() {
        x.inplace_op1(&InPlace(activation))?;
        return Ok(x.clone());
    }
    match activation {
        Activation::Gelu => x.gelu_erf(),
        Activation::QuickGelu => x * candle_nn::ops::sigmoid(&(x * QUICK_GELU_SLOPE)?)?,
    }
}

/// QuickGELU is `x * sigmoid(1.702 x)` (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
const QUICK_GELU_SLOPE: f64 = 1.702;

struct InPlace(Activation);

impl InplaceOp1 for InPlace {
    fn name(&self) -> &'static str {
        "activation"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(numbers), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            bail!("the activation in place takes contiguous f32");
        };
        let function = match self.0 {
            Activation::Gelu => gelu,
            Activation::QuickGelu => quick_gelu,
        };
        numbers[start..end].par_chunks_mut(CHUNK).for_each(function);
        Ok(())
    }
}

/// Numbers that one thread takes at a time: 16 KiB, half of a first-level cache.
const CHUNK: usize = 4096;

fn quick_gelu(numbers: &mut [f32]) {
    for x in numbers {
        *x /= 1.0 + exp(-QUICK_GELU_SLOPE as f32 * *x);
    }
}

fn gelu(numbers: &mut [f32]) {
    for x in numbers {
        *x *= 0.5 * (1.0 + erf(*x * std::f32::consts::FRAC_1_SQRT_2));
    }
}

/// The exponential to within 2 ulp, as `2^n e^r` with |r| <= ln 2 / 2 and a Taylor polynomial of
/// degree 7, which the compiler vectorises where it would call a library for each number. Arguments
/// beyond f32's range give its largest and smallest normal numbers.
fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: adding it rounds a small number to a whole one in its last bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first with few enough bits that its products are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TAYLOR: [f32; 8] =
        [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let x = x.clamp(-87.0, 88.0);
    let n = (x * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let e_r = TAYLOR.iter().fold(0.0, |sum, &coefficient| sum * r + coefficient);
    e_r * f32::from_bits(((n as i32 + 127) << 23) as u32)
}

/// The error function to within 4e-7: an odd over an even polynomial with the constants of Eigen's
/// `generic_fast_erf_float`, on [-4, 4]; beyond, it is 1 to f32.
fn erf(x: f32) -> f32 {
    const ODD: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_4e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const EVEN: [f32; 5] =
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2];
    let square = x * x;
    let horner = |sum, &coefficient| sum * square + coefficient;
    let within = x * ODD.iter().fold(0.0, horner) / EVEN.iter().fold(0.0, horner);
    if x.abs() < 4.0 { within.clamp(-1.0, 1.0) } else { 1f32.copysign(x) }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    /// `erf` by its series in f64, which converges well enough on [-6, 6].
    fn erf_series(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        (sum * 2.0 / std::f64::consts::PI.sqrt()).clamp(-1.0, 1.0)
    }

    fn largest_difference(activation: Activation, exact: impl Fn(f64) -> f64) -> f64 {
        let inputs: Vec<f32> = (-60_000..=60_000).map(|i| i as f32 * 1e-4).collect();
        let x = Tensor::from_slice(&inputs, inputs.len(), &Device::Cpu).unwrap();
        let outputs = activate(activation, &x).unwrap().to_vec1::<f32>().unwrap();
        inputs
            .iter()
            .zip(outputs)
            .map(|(&x, y)| (exact(x.into()) - f64::from(y)).abs())
            .fold(0., f64::max)
    }

    #[test]
    fn gelu_is_exact_to_f32() {
        let exact = |x: f64| x * 0.5 * (1.0 + erf_series(x * std::f64::consts::FRAC_1_SQRT_2));
        let difference = largest_difference(Activation::Gelu, exact);
        assert!(difference < 1.5e-6, "{difference}");
    }

    #[test]
    fn quick_gelu_is_exact_to_f32() {
        let difference =
            largest_difference(Activation::QuickGelu, |x| x / (1.0 + (-1.702 * x).exp()));
        assert!(difference < 1.5e-6, "{difference}");
    }

    #[test]
    fn far_from_zero_nothing_overflows() {
        for activation in [Activation::Gelu, Activation::QuickGelu] {
            let x = Tensor::new(&[-1e30f32, -100., 0., 100., 1e30], &Device::Cpu).unwrap();
            let y = activate(activation, &x).unwrap().to_vec1::<f32>().unwrap();
            let exact = [0., 0., 0., 100., 1e30];
            assert!(y.iter().zip(exact).all(|(y, exact)| (y - exact).abs() < 1e-8), "{y:?}");
        }
    }
}
