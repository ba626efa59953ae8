//! The two activations that CLIP's MLPs are trained with.
//!
//! Their names, `gelu` and `quick_gelu`, are the same in `models/*.json`, in the settings and in
//! `/model-info`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The activation between the two layers of a block's MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The exact GELU, x Φ(x) with the error function (Hendrycks and Gimpel, arXiv 1606.08415).
    Gelu,
    /// x · sigmoid(1.702 x), of the OpenAI checkpoints and those trained like them.
    QuickGelu,
}

impl Activation {
    /// Every activation, in the order in which messages name them.
    pub const ALL: [Self; 2] = [Self::Gelu, Self::QuickGelu];

    /// `gelu` or `quick_gelu`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gelu => "gelu",
            Self::QuickGelu => "quick_gelu",
        }
    }

    /// What open_clip's flag of that name says.
    pub(crate) fn from_quick_gelu(quick_gelu: bool) -> Self {
        if quick_gelu { Self::QuickGelu } else { Self::Gelu }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no activation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is no activation: gelu or quick_gelu")]
pub struct UnknownActivation(pub String);

impl UnknownActivation {
    /// A stable label for logs and metrics.
    pub fn code(&self) -> &'static str {
        "unknown_activation"
    }
}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|activation| activation.name() == text)
            .ok_or_else(|| UnknownActivation(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_the_same_name() {
        for activation in Activation::ALL {
            let json = serde_json::to_string(&activation).unwrap();
            assert_eq!(json, format!("\"{activation}\""));
            assert_eq!(serde_json::from_str::<Activation>(&json).unwrap(), activation);
            assert_eq!(activation.to_string().parse(), Ok(activation));
        }
    }

    #[test]
    fn another_word_is_an_error_that_names_both() {
        let error = "swish".parse::<Activation>().unwrap_err();
        assert_eq!(error.to_string(), "`swish` is no activation: gelu or quick_gelu");
    }
}
