//! A thread that takes batches: it waits for one, computes it and answers, or helps another.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Instant,
};

use super::{Batch, Item, Request, Shared, Task, health::Heart, queue::Share};
use crate::{
    kernels::crew::Crew,
    metrics::{self, Place, Stage},
    model::{Embedding, ModelError, Sample},
    panics,
};

/// Works until the batcher stops.
pub(super) fn work(
    shared: &Shared,
    heart: &Heart,
    embed: &mut impl FnMut(&[Sample<'_>], &Crew) -> Result<Vec<Embedding>, ModelError>,
) {
    let crew = Arc::new(Crew::new());
    while let Some(task) = shared.next(&crew) {
        let Batch { shares, items } = match task {
            Task::Compute(batch) => batch,
            Task::Help(other) => {
                shared.help(&other);
                continue;
            }
        };
        let samples: Vec<_> = items.iter().map(Item::sample).collect();
        heart.begins(Instant::now());
        let embeddings = forward(|| embed(&samples, &crew), samples.len());
        crew.close();
        heart.ends(embeddings.is_some());
        #[cfg(feature = "fault-injection")]
        crate::faults::in_worker(&samples);
        shared.finish(shares, embeddings, &crew);
    }
}

/// One forward pass, whose failure costs only those who have a part in it; the log says why.
fn forward(
    embed: impl FnOnce() -> Result<Vec<Embedding>, ModelError>,
    items: usize,
) -> Option<Vec<Embedding>> {
    metrics::batch(items);
    let start = Instant::now();
    let embeddings = panics::catch(Place::Model, embed);
    metrics::stage(Stage::Forward, start.elapsed());
    match embeddings {
        Ok(Ok(embeddings)) => Some(embeddings),
        Ok(Err(error)) => {
            tracing::error!(%error, items, "the forward pass failed");
            None
        }
        // What it said has been logged where it happened.
        Err(_) => None,
    }
}

impl Shared {
    /// Waits for what there is to do, and takes a batch for `crew`'s leader or a place in
    /// another's crew; none when the batcher stops.
    fn next(&self, crew: &Arc<Crew>) -> Option<Task> {
        let mut state = self.state();
        state.idle += 1;
        let task = loop {
            if state.stopped {
                break None;
            }
            state.drop_stale();
            let now = Instant::now();
            let (depth, age) = (state.queue.depth(), state.queue.age(now));
            let patience = self.options.delay.saturating_sub(age);
            self.wanted.store(depth > 0, Ordering::Relaxed);
            if depth == 0 {
                if let Some(crew) = state.join() {
                    break Some(Task::Help(crew));
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else if depth < self.options.most && !patience.is_zero() {
                let waited = self.changed.wait_timeout(state, patience);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                // Others that are idle take their part of it.
                let even = depth.div_ceil(state.idle);
                let batch = state.take(even.min(self.options.most), now);
                if self.options.helping {
                    crew.open();
                    state.crews.push((Arc::clone(crew), 0));
                    self.changed.notify_all();
                }
                break Some(Task::Compute(batch));
            }
        };
        state.idle -= 1;
        task
    }

    /// Helps the leader of `crew` until it is done or there is a batch to take.
    fn help(&self, crew: &Arc<Crew>) {
        crew.help(|| self.wanted.load(Ordering::Relaxed));
        let mut state = self.state();
        let left = state.crews.iter_mut().find(|(other, _)| Arc::ptr_eq(other, crew));
        if let Some((_, helpers)) = left {
            *helpers = helpers.saturating_sub(1);
        }
    }

    /// Gives each request of `batch` its embeddings, or the failure.
    fn finish(&self, batch: Vec<Share>, embeddings: Option<Vec<Embedding>>, crew: &Arc<Crew>) {
        let mut state = self.state();
        state.crews.retain(|(other, _)| !Arc::ptr_eq(other, crew));
        let failed = embeddings.is_none();
        let mut embeddings = embeddings.into_iter().flatten();
        let mut done = Vec::new();
        for share in batch {
            if let Some(request) = state.queue.get(&share) {
                request.failed |= failed;
                for (place, embedding) in
                    request.embeddings[share.items.clone()].iter_mut().zip(&mut embeddings)
                {
                    *place = embedding;
                }
                request.places.answered(share.items.len());
            }
            done.extend(match failed {
                true => state.queue.fail(&share),
                false => state.queue.finish(&share),
            });
        }
        if failed {
            // Nothing more of those that failed is waiting.
            state.tell(Instant::now());
        }
        drop(state);
        done.into_iter().for_each(Request::answer);
    }
}
