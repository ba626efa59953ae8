//! Disjoint sets of numbers that several threads join at the same time (union-find).
//!
//! Without locks: the parent of a number is never greater than itself, and only ever becomes less,
//! so whoever loses a race looks again. The root of a set is its least number.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Sets of the numbers below a count.
pub(super) struct Sets(Vec<AtomicUsize>);

impl Sets {
    /// Each of the `count` numbers by itself.
    pub fn new(count: usize) -> Self {
        Self((0..count).map(AtomicUsize::new).collect())
    }

    /// The root of the set of `number`: its least, once nobody joins any more.
    fn root(&self, mut number: usize) -> usize {
        loop {
            let parent = self.0[number].load(Relaxed);
            if parent == number {
                return number;
            }
            let above = self.0[parent].load(Relaxed);
            // Halves the way for those that come after; no matter if somebody was faster.
            let _ = self.0[number].compare_exchange(parent, above, Relaxed, Relaxed);
            number = above;
        }
    }

    /// Whether both are known to be in one set.
    pub fn are_joined(&self, a: usize, b: usize) -> bool {
        self.root(a) == self.root(b)
    }

    /// Makes the sets of both one.
    pub fn join(&self, a: usize, b: usize) {
        loop {
            let (a, b) = (self.root(a), self.root(b));
            let (least, other) = (a.min(b), a.max(b));
            if least == other
                || self.0[other].compare_exchange(other, least, Relaxed, Relaxed).is_ok()
            {
                return;
            }
        }
    }

    /// The sets of two or more, by their least number and each in order; and the numbers that are by
    /// themselves.
    pub fn split(self) -> (Vec<Vec<usize>>, Vec<usize>) {
        let roots: Vec<_> = (0..self.0.len()).map(|number| self.root(number)).collect();
        let mut sizes = vec![0_usize; roots.len()];
        roots.iter().for_each(|&root| sizes[root] += 1);
        let mut places = vec![0; roots.len()];
        let (mut sets, mut single) = (Vec::new(), Vec::new());
        for (number, &root) in roots.iter().enumerate() {
            if sizes[root] == 1 {
                single.push(number);
                continue;
            }
            if root == number {
                places[root] = sets.len();
                sets.push(Vec::with_capacity(sizes[root]));
            }
            sets[places[root]].push(number);
        }
        (sets, single)
    }
}
