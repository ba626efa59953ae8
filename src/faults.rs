//! Faults on demand, for tests of what a fault costs. Compiled with the feature `fault-injection`
//! alone, which no build that serves has: photos of certain plain colours break what they meet.

use std::time::Duration;

use crate::{
    model::{ModelError, Sample},
    preprocess::Rgb,
};

/// A decoder panics.
pub const DECODER_PANICS: [u8; 3] = [255, 0, 1];
/// The model panics.
pub const MODEL_PANICS: [u8; 3] = [255, 0, 2];
/// The model reports an error.
pub const MODEL_FAILS: [u8; 3] = [255, 0, 3];
/// The model does not come back for [`STUCK`].
pub const MODEL_STUCK: [u8; 3] = [255, 0, 4];
/// The thread that hands batches to the model ends.
pub const WORKER_ENDS: [u8; 3] = [255, 0, 5];

/// Longer than `/livez` waits for a worker.
pub const STUCK: Duration = Duration::from_secs(75);

/// What a decoder meets that has decoded `rgb`.
pub(crate) fn in_decoder(rgb: &Rgb) {
    assert!(!rgb.data.starts_with(&DECODER_PANICS), "a fault was asked for");
}

/// What the model meets in a batch.
pub(crate) fn in_model(samples: &[Sample<'_>]) -> Result<(), ModelError> {
    for colour in samples.iter().filter_map(colour) {
        match colour {
            MODEL_PANICS => panic!("a fault was asked for"),
            MODEL_FAILS => return Err(ModelError::NotFinite),
            MODEL_STUCK => std::thread::sleep(STUCK),
            _ => {}
        }
    }
    Ok(())
}

/// What a worker meets after a batch.
pub(crate) fn in_worker(samples: &[Sample<'_>]) {
    assert!(
        !samples.iter().filter_map(colour).any(|colour| colour == WORKER_ENDS),
        "a fault was asked for"
    );
}

/// Colour of the first pixel of an image, from its numbers as CLIP normalises them.
fn colour(sample: &Sample<'_>) -> Option<[u8; 3]> {
    let Sample::Image(image) = sample else { return None };
    const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
    const STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];
    let channel = image.len() / 3;
    Some(std::array::from_fn(|c| {
        let number = image.get(c * channel).copied().unwrap_or_default();
        ((number * STD[c] + MEAN[c]) * 255.).round() as u8
    }))
}
