//! The two activations that CLIP models were trained with, exact GELU and QuickGELU, on tensors.

use candle_core::{Result, Tensor};

use super::architecture::Activation;

/// Applies `activation` to each number of `x`.
pub(super) fn activate(activation: Activation, x: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::Gelu => x.gelu_erf(),
        Activation::QuickGelu => x * candle_nn::ops::sigmoid(&(x * QUICK_GELU_SLOPE)?)?,
    }
}

/// QuickGELU is `x * sigmoid(1.702 x)` (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
const QUICK_GELU_SLOPE: f64 = 1.702;
