//! The items that wait for the model, and the order in which they are taken. Knows no threads and
//! no clock: the time is passed in.
//!
//! Half of each batch goes to the oldest requests, so that each request is finished sooner or later
//! whatever else comes; the other half goes to those of which least was taken, so that a single
//! photo does not wait for the photos of large requests that came before it.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

/// Names a request while it is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u64);

/// Images of one request in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub request: Id,
    /// Which of its items.
    pub items: Range<usize>,
}

/// Why a request leaves the queue without an answer of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    /// It waited until its deadline, and none of its items was taken.
    Expired,
    /// Nobody waits for its answer any more.
    Abandoned,
}

/// The requests whose items wait or are being computed, oldest first.
#[derive(Debug)]
pub(super) struct Queue<R> {
    waiting: Vec<Waiting<R>>,
    next: u64,
    /// Which half of an odd batch gets the odd item.
    odd_to_oldest: bool,
}

#[derive(Debug)]
struct Waiting<R> {
    id: Id,
    request: R,
    items: usize,
    /// Images that were taken into batches.
    taken: usize,
    /// Images whose batch has come back.
    done: usize,
    since: Instant,
    deadline: Instant,
}

impl<R> Waiting<R> {
    fn left(&self) -> usize {
        self.items - self.taken
    }

    fn is_running(&self) -> bool {
        self.taken > self.done
    }
}

impl<R> Queue<R> {
    pub fn new() -> Self {
        Self { waiting: Vec::new(), next: 0, odd_to_oldest: true }
    }

    /// Adds a request of `items` items, at least 1, the first of which must be taken before
    /// `deadline`.
    pub fn push(&mut self, request: R, items: usize, now: Instant, deadline: Instant) {
        let id = Id(self.next);
        self.next += 1;
        self.waiting.push(Waiting { id, request, items, taken: 0, done: 0, since: now, deadline });
    }

    /// Images that wait.
    pub fn depth(&self) -> usize {
        self.waiting.iter().map(Waiting::left).sum()
    }

    /// How long the oldest item that waits has waited.
    pub fn age(&self, now: Instant) -> Duration {
        let oldest = self.waiting.iter().find(|waiting| waiting.left() > 0);
        oldest.map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest.since))
    }

    /// Takes out the requests that need not be computed any more. One with items in a batch stays
    /// until the batch is back.
    pub fn take_stale(
        &mut self,
        now: Instant,
        is_abandoned: impl Fn(&R) -> bool,
    ) -> Vec<(R, Stale)> {
        let stale = |waiting: &Waiting<R>| match waiting {
            waiting if waiting.is_running() => None,
            waiting if is_abandoned(&waiting.request) => Some(Stale::Abandoned),
            waiting if waiting.taken == 0 && now >= waiting.deadline => Some(Stale::Expired),
            _ => None,
        };
        let mut taken = Vec::new();
        // Requests are few: at most as many as items may be queued.
        for index in (0..self.waiting.len()).rev() {
            if let Some(reason) = stale(&self.waiting[index]) {
                taken.push((self.waiting.remove(index).request, reason));
            }
        }
        taken
    }

    /// The next batch: at most `most` items, fewer only when fewer wait.
    pub fn take(&mut self, most: usize) -> Vec<Share> {
        let mut room = most.min(self.depth());
        let mut shares = vec![0; self.waiting.len()];
        let mut for_oldest = room / 2 + usize::from(room % 2 == 1 && self.odd_to_oldest);
        if room % 2 == 1 {
            self.odd_to_oldest = !self.odd_to_oldest;
        }
        for (share, waiting) in shares.iter_mut().zip(&self.waiting) {
            *share = waiting.left().min(for_oldest);
            for_oldest -= *share;
            room -= *share;
        }
        for _ in 0..room {
            let has_more = |&index: &usize| shares[index] < self.waiting[index].left();
            let taken = |&index: &usize| self.waiting[index].taken + shares[index];
            // Of several with the least, `min_by_key` gives the first, that is the oldest.
            let Some(least) = (0..shares.len()).filter(has_more).min_by_key(taken) else { break };
            shares[least] += 1;
        }
        let given = self.waiting.iter_mut().zip(shares).filter(|(_, share)| *share > 0);
        given
            .map(|(waiting, share)| {
                let first = waiting.taken;
                waiting.taken += share;
                Share { request: waiting.id, items: first..waiting.taken }
            })
            .collect()
    }

    /// The request that `share` belongs to.
    pub fn get(&mut self, share: &Share) -> Option<&mut R> {
        let found = self.waiting.iter_mut().find(|waiting| waiting.id == share.request);
        found.map(|waiting| &mut waiting.request)
    }

    /// The batch of `share` is back; gives the request when that was the last of it.
    pub fn finish(&mut self, share: &Share) -> Option<R> {
        let index = self.waiting.iter().position(|waiting| waiting.id == share.request)?;
        let waiting = &mut self.waiting[index];
        waiting.done += share.items.len();
        (waiting.done == waiting.items).then(|| self.waiting.remove(index).request)
    }

    /// The batch of `share` failed: nothing more of its request is taken. Gives the request when
    /// none of it is in another batch.
    pub fn fail(&mut self, share: &Share) -> Option<R> {
        let index = self.waiting.iter().position(|waiting| waiting.id == share.request)?;
        let waiting = &mut self.waiting[index];
        waiting.done += share.items.len();
        waiting.items = waiting.taken;
        (!waiting.is_running()).then(|| self.waiting.remove(index).request)
    }
}

#[cfg(test)]
mod tests;
