//! One inference, by whichever transport it came: what is remembered of the question until its answer,
//! and what the statistics are told.

use std::time::{Duration, Instant};

use super::{
    error::{MOST_ID, OipError},
    models::Served,
};
use crate::{
    admission::{Refusal, Reservation, Shortage},
    embedder::Embedder,
    http::{
        passage::{Asked, Passed, Times},
        rejection::Rejection,
    },
    metrics::{self, InferenceTimes, Run, Stage},
    model::Embedding,
    upload::Input,
};

/// What the answer needs to know of the question.
#[derive(Debug)]
pub(in crate::http) struct Question {
    pub served: &'static Served,
    pub id: String,
    /// Whether numbers are wanted as bytes.
    pub binary: bool,
    /// Counts the request as failed where nothing else is said.
    pub run: Run,
    /// Memory beyond that of the body, until all is done.
    #[expect(dead_code, reason = "is given back when it is dropped")]
    pub kept: Vec<Reservation>,
}

impl Question {
    /// Asks for the embeddings of `inputs`.
    ///
    /// # Errors
    /// [`OipError::LongId`].
    pub fn ask(self, inputs: Vec<Input>) -> Result<Asked<Self>, Rejection> {
        if self.id.len() > MOST_ID {
            return Err(OipError::LongId { found: self.id.len() }.into());
        }
        let length = self.served.length();
        Ok(Asked { length, ..Asked::plain(inputs, self) })
    }
}

/// Embeddings on their way to the client.
pub(in crate::http) struct Answer {
    pub embeddings: Vec<Embedding>,
    pub served: &'static Served,
    pub id: String,
    pub binary: bool,
    /// Numbers of each embedding.
    pub dim: usize,
    run: Run,
    times: Times,
}

impl Answer {
    /// Of a request that went all the way.
    pub fn of(passed: Passed<Question>) -> Self {
        let (times, dim) = (passed.times, passed.embedder.architecture().embed_dim);
        let (embeddings, Question { served, id, binary, run, .. }) = passed.embeddings();
        Self { embeddings, served, id, binary, dim, run, times }
    }

    /// Writes the answer by `write` and counts it.
    pub fn tell<R>(self, write: impl FnOnce(&Self) -> R) -> R {
        let writing = Instant::now();
        let written = write(&self);
        let output = writing.elapsed();
        metrics::stage(Stage::Write, output);
        let Times { queue, prepare: input, forward: infer, .. } = self.times;
        self.run.succeeded(self.embeddings.len(), InferenceTimes { queue, input, infer, output });
        written
    }

    /// What became of the request's time.
    pub fn times(&self) -> Times {
        self.times
    }
}

/// Memory for what a request takes beyond its body: of that for decodes, which is there for what is made
/// of bodies.
///
/// # Errors
/// [`Rejection::Busy`] where it is not free now, [`OipError::TooLarge`] where it never is.
pub(in crate::http) fn spare(embedder: &Embedder, bytes: u64) -> Result<Reservation, Rejection> {
    let admission = embedder.admission();
    admission.try_decode(bytes).map_err(|shortage| match shortage {
        Shortage::Late => {
            let timeout: Duration = admission.timeout();
            Rejection::Busy(Refusal::NoMemory { timeout })
        }
        Shortage::Never => {
            OipError::TooLarge { needed: bytes, limit: admission.decode_limit() }.into()
        }
    })
}
