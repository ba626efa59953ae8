//! From the settings to an [`Embedder`] that is ready: the model is found, read and packed, what the
//! memory is used for is planned, and the threads are started. The service does this, and each
//! command that embeds by itself.

use super::{EmbedOptions, Embedder, StartError};
use crate::{
    admission::Capacity,
    config::{self, Config, memory::Overcommitted},
    model::{
        Model, ModelError, ModelOptions,
        device::{self, Precision},
    },
    preprocess::DecodeOptions,
    threads,
};

/// Why there is no embedder.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// The model cannot be put to work.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What the model and the settings need does not fit into the memory.
    #[error("--memory-limit: {0}")]
    Memory(#[from] Overcommitted),
}

/// Loads the model of `config` and puts it to work. Blocks, for minutes where weights are downloaded.
///
/// # Errors
/// [`LoadError`], saying what cannot be had and what to do.
pub fn load(config: &Config) -> Result<Embedder, LoadError> {
    let options = ModelOptions {
        device: config.device,
        precision: config.precision,
        isa: config.isa,
        activation: config.activation,
    };
    let decode = DecodeOptions {
        max_pixels: config.max_image_pixels,
        exif_orientation: config.exif_orientation,
    };
    let kernels = device::kernels(config.isa, Precision::F32)
        .map_err(|error| LoadError::Model(Box::new(error.into())))?;
    // What reads and packs the weights shares the work; the threads go when it is done.
    let loaders = threads::pool("load", config.threads).map_err(StartError::threads)?;
    let model = loaders
        .install(|| Model::load(config.model.clone(), &options))
        .map_err(|error| LoadError::Model(Box::new(error)))?;
    drop(loaders);
    let plan = config.memory_plan(model.architecture())?;
    tracing::info!(%plan, "memory");
    let small_images = config::small_images(config.max_queued_images);
    let capacity = Capacity {
        bodies: plan.bodies,
        decodes: plan.decodes,
        images: config.max_queued_images - small_images,
        small_images,
        timeout: config.queue_timeout,
    };
    let threads = config.threads;
    let (batches, text) = (config.batches, config.text);
    let text_memory = config.text_memory(model.architecture());
    let options = EmbedOptions { kernels, decode, threads, batches, capacity, text, text_memory };
    Ok(Embedder::start(model, &options)?)
}
