//! One image through the model before it serves, with an answer that is known: weights, device and
//! kernels are what they should be, and the first client does not wait for what is done only once.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{
    Embedding, Model, ModelError, Worker, architecture::Activation, device::Precision,
    registry::Source,
};
use crate::kernels::crew::Crew;

/// The first numbers of the embedding of [`image`] by the seeded weights of `ViT-B-32` with exact
/// GELU, computed on a CPU in f32.
const SEEDED_VIT_B_32: [f32; 4] = [-0.013_583_584, -0.035_380_12, 0.002_815_008, 0.002_500_079_3];

/// How far numbers of an embedding may lie apart that should be equal. Orders of additions differ
/// with the batch; f16 and bf16 have 11 and 8 bits, int8 has 8 for all of a row alike.
fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-5,
        Precision::F16 | Precision::Int8 => 5e-3,
        Precision::Bf16 => 3e-2,
    }
}

impl Model {
    /// Embeds an image alone and again beside another, with all of `workers` at it, and compares the
    /// two, and for the seeded weights also with what is stored. Gives the time that an image of the
    /// second batch took.
    ///
    /// # Errors
    /// [`ModelError::WarmUp`] where they differ or are no embeddings; else as [`Model::embed_on`].
    pub fn warm_up(&self, workers: &mut [Worker]) -> Result<Duration, ModelError> {
        let Some((worker, helpers)) = workers.split_first_mut() else { return Ok(Duration::ZERO) };
        let crew = Crew::new();
        let helped = self.device().is_cpu();
        thread::scope(|scope| {
            for _ in helpers.iter().take_while(|_| helped) {
                scope.spawn(|| crew.help(|| false));
            }
            crew.lead(|| self.compare(worker, &crew))
        })
    }

    fn compare(&self, worker: &mut Worker, crew: &Crew) -> Result<Duration, ModelError> {
        let size = self.architecture().vision.image_size;
        let (image, other) = (image(size, 1), image(size, 2));
        let alone = self.embed_on(worker, crew, &[&image])?;
        let start = Instant::now();
        let beside = self.embed_on(worker, crew, &[&other, &image])?;
        let took = start.elapsed() / 2;
        let (Some(alone), Some(beside)) = (alone.first(), beside.last()) else {
            return Err(ModelError::WarmUp("it gave no embedding".to_owned()));
        };
        let tolerance = tolerance(self.precision);
        let norm = alone.iter().map(|number| number * number).sum::<f32>().sqrt();
        if (norm - 1.).abs() > tolerance {
            return Err(ModelError::WarmUp(format!("an embedding has the L2 norm {norm}, not 1")));
        }
        differ("the same image beside another", alone, beside, tolerance)?;
        if self.spec().source == Source::Seeded
            && self.architecture().name == "ViT-B-32"
            && self.activation == Activation::Gelu
        {
            differ("the stored embedding", alone, &SEEDED_VIT_B_32, tolerance)?;
        }
        Ok(took)
    }
}

fn differ(what: &str, found: &Embedding, expected: &[f32], most: f32) -> Result<(), ModelError> {
    let apart = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0., f32::max);
    if apart <= most {
        return Ok(());
    }
    Err(ModelError::WarmUp(format!(
        "an embedding is {apart} from that of {what}, more than {most}: the device or this build \
         computes wrongly"
    )))
}

/// `[3, size, size]` numbers between -2 and 2 without much order.
fn image(size: usize, step: usize) -> Vec<f32> {
    (0..3 * size * size).map(|i| (i * step % 251) as f32 / 62.5 - 2.).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ModelOptions, device::DeviceChoice, registry};

    fn model(activation: Activation) -> Model {
        let options = ModelOptions {
            device: DeviceChoice::Cpu,
            precision: Precision::F32,
            isa: None,
            activation: Some(activation),
        };
        Model::load(registry::resolve("ViT-B-32", "random").unwrap(), &options).unwrap()
    }

    #[test]
    fn the_seeded_model_gives_what_is_stored() {
        let model = model(Activation::Gelu);
        let embedding = model.embed(&[&image(224, 1)]).unwrap().remove(0);
        differ("what is stored", &embedding, &SEEDED_VIT_B_32, 1e-6).unwrap_or_else(|error| {
            panic!("{error}: {:?}", &embedding[..4]);
        });
        let mut workers = [(); 3].map(|()| model.worker().unwrap());
        assert!(model.warm_up(&mut workers).unwrap() > Duration::ZERO);
    }

    #[test]
    fn another_embedding_than_the_stored_one_is_refused() {
        // The other activation is what a build that computes wrongly would look like.
        let mut model = model(Activation::QuickGelu);
        let mut workers = [model.worker().unwrap()];
        model.warm_up(&mut workers).unwrap();
        model.activation = Activation::Gelu;
        let error = model.warm_up(&mut workers).unwrap_err().to_string();
        assert!(error.contains("computes wrongly"), "{error}");
    }
}
