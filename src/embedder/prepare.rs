//! What is done with each input before the model: photos are decoded, each when the memory for it is
//! there, texts become tokens, tensors are checked.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::{
    Embedder, PhotoError, Prepared, Ready,
    decoding::{Make, Opened, decode, open},
};
use crate::{
    admission::{BodyMemory, Refusal},
    batcher::Item,
    metrics::{self, Place},
    preprocess::{PhotoFacts, Pixels, Preprocess, Rgb},
    threads,
    upload::{Input, Photo, Tensor},
};

impl Embedder {
    /// Decodes the photos among `inputs`, parts of a body that `memory` is reserved for, and reads the
    /// texts and tensors, side by side: all of them or, with `until_one_fails`, those up to the first that
    /// fails. With `facts`, of photos is told what is known of them.
    ///
    /// # Errors
    /// When the memory for one was not free in time.
    pub async fn prepare(
        &self,
        inputs: Vec<Input>,
        memory: Option<BodyMemory>,
        until_one_fails: bool,
        facts: bool,
    ) -> Result<Vec<Prepared>, Refusal> {
        let mut prepared = Vec::with_capacity(inputs.len());
        let photos: Vec<_> = inputs.iter().map(|input| !matches!(input, Input::Text(_))).collect();
        let mut unfinished = Unfinished(photos.iter().filter(|photo| **photo).count());
        // As many at a time as there are threads, so that requests take turns.
        let at_once = self.decoders.current_num_threads();
        let inputs = stream::iter(inputs).map(|input| self.item(input, memory.clone(), facts));
        let inputs = inputs.buffered(at_once);
        let mut inputs = std::pin::pin!(inputs);
        while let Some(item) = inputs.next().await {
            let item = item?;
            if let (Err(error), true) = (&item, photos[prepared.len()]) {
                metrics::images(error.code(), 1);
                unfinished.0 -= 1;
            }
            let ends = until_one_fails && item.is_err();
            prepared.push(item);
            if ends {
                break;
            }
        }
        unfinished.0 = 0;
        Ok(prepared)
    }

    async fn item(
        &self,
        input: Input,
        memory: Option<BodyMemory>,
        facts: bool,
    ) -> Result<Prepared, Refusal> {
        let ready = |item| Ready { item, facts: None, bytes: 0 };
        match input {
            Input::Photo(photo) => self.photo(photo, memory, facts).await,
            Input::Text(text) => {
                let model = Arc::clone(&self.model);
                let read = move || match model.text() {
                    Ok(encoder) => Ok(ready(Item::Text(encoder.tokens(&text)))),
                    Err(_) => Err(PhotoError::NoText),
                };
                Ok(self.aside(memory, read).await.unwrap_or(Err(PhotoError::Panicked)))
            }
            Input::Tensor(Tensor { numbers, normalize }) => {
                let preprocess = Arc::clone(&self.preprocess);
                let read = move || Ok(ready(Item::Image(preprocess.tensor(&numbers, normalize)?)));
                Ok(self.aside(memory, read).await.unwrap_or(Err(PhotoError::Panicked)))
            }
        }
    }

    async fn photo(
        &self,
        photo: Photo,
        memory: Option<BodyMemory>,
        facts: bool,
    ) -> Result<Prepared, Refusal> {
        let make: Make<_> = if facts { square_and_facts } else { square };
        let (preprocess, admission) = (Arc::clone(&self.preprocess), self.admission.clone());
        let ready = |(pixels, facts), bytes| Ready { item: Item::Image(pixels), facts, bytes };
        // One turn where the memory is free, as it nearly always is.
        let open = move || open(photo, memory, &preprocess, &admission, make);
        let (file, needed) = match threads::run(&self.decoders, Place::Decoder, open).await {
            Some(Ok(Opened::Decoded { made, bytes })) => return Ok(Ok(ready(made, bytes))),
            Some(Ok(Opened::Waits { file, needed })) => (file, needed),
            Some(Err(error)) => return Ok(Err(error)),
            None => return Ok(Err(PhotoError::Panicked)),
        };
        let reserved = match self.admission.decode(needed).await {
            Ok(reserved) => reserved,
            Err(_) => return Err(Refusal::NoMemory { timeout: self.admission.timeout() }),
        };
        let (preprocess, bytes) = (Arc::clone(&self.preprocess), file.len());
        let decode = move || decode(&file, &preprocess, reserved, make);
        let decoded = threads::run(&self.decoders, Place::Decoder, decode).await;
        let decoded = decoded.unwrap_or(Err(PhotoError::Panicked));
        Ok(decoded.map(|made| ready(made, bytes)))
    }
}

fn square(preprocess: &Preprocess, rgb: &Rgb) -> (Pixels, Option<PhotoFacts>) {
    (preprocess.square(rgb), None)
}

fn square_and_facts(preprocess: &Preprocess, rgb: &Rgb) -> (Pixels, Option<PhotoFacts>) {
    (preprocess.square(rgb), Some(PhotoFacts::of(rgb)))
}

/// Photos whose outcome nobody has told yet; when it is dropped, they have been left by their client,
/// or by a request that gave up.
struct Unfinished(usize);

impl Drop for Unfinished {
    fn drop(&mut self) {
        metrics::images("abandoned", self.0);
    }
}
