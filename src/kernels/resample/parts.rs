//! The weights of an axis as an instruction set multiplies them: in parts of fewer bits, those of
//! some source pixels in one lane.
//!
//! A weight is the sum of `part[i] << (i * bits)`, each part a signed number of `bits` bits.

use super::{Window, span};

/// The windows of an axis, in groups of source pixels that share a lane. Groups are counted from
/// the first pixel that any window needs.
#[derive(Debug)]
pub(super) struct Parts {
    windows: Vec<Groups>,
    /// For each group of each window in turn its lanes, one for each part.
    lanes: Vec<i32>,
    /// Groups of the largest window.
    most: usize,
}

/// The groups of one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups {
    pub first: usize,
    pub count: usize,
    /// Where its lanes begin.
    lanes: usize,
}

impl Groups {
    /// The group after the last.
    pub(super) fn end(&self) -> usize {
        self.first + self.count
    }
}

impl Parts {
    /// With `taps` source pixels in a group and `parts` parts of a weight, of `32 / taps` bits each;
    /// parts of 24 bits together are enough, since weights are small.
    pub(super) fn new(windows: &[Window], taps: usize, parts: usize) -> Self {
        let origin = span(windows).start;
        let mut all = Self { windows: Vec::with_capacity(windows.len()), lanes: vec![], most: 0 };
        for window in windows {
            let (start, end) = (window.start - origin, window.end() - origin);
            let groups = start / taps..end.div_ceil(taps);
            let lanes = all.lanes.len();
            all.lanes.resize(lanes + groups.len() * parts, 0);
            all.windows.push(Groups { first: groups.start, count: groups.len(), lanes });
            all.most = all.most.max(groups.len());
            for (tap, &weight) in (start % taps..).zip(&window.weights) {
                let group = &mut all.lanes[lanes + tap / taps * parts..][..parts];
                split(weight, 32 / taps as u32, tap % taps, group);
            }
        }
        all
    }

    pub(super) fn windows(&self) -> &[Groups] {
        &self.windows
    }

    /// Groups of the largest window.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The groups of all windows together.
    pub(super) fn groups(&self) -> usize {
        self.windows.last().map_or(0, Groups::end)
    }

    /// The lanes of a window, `parts` for each of its groups.
    pub(super) fn lanes(&self, window: &Groups) -> &[i32] {
        &self.lanes[window.lanes..]
    }
}

/// Writes the parts of `weight` to place `tap` of each of `lanes`.
fn split(weight: i32, bits: u32, tap: usize, lanes: &mut [i32]) {
    let mut rest = i64::from(weight);
    for lane in lanes {
        let part = rest << (64 - bits) >> (64 - bits);
        rest = (rest - part) >> bits;
        *lane |= ((part as u64 & (u64::MAX >> (64 - bits))) << (tap as u32 * bits)) as i32;
    }
    debug_assert_eq!(rest, 0, "weights are small");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::MOST_WEIGHT, *};

    proptest! {
        #[test]
        fn the_parts_of_a_weight_are_the_weight(weight in -(MOST_WEIGHT as i32)..=MOST_WEIGHT as i32) {
            let mut parts = [0; 3];
            split(weight, 8, 3, &mut parts);
            let [a, b, c] = parts.map(|lane: i32| lane >> 24);
            prop_assert_eq!(a + b * 256 + c * 65_536, weight);
            let mut parts = [0; 2];
            split(weight, 16, 1, &mut parts);
            let [a, b] = parts.map(|lane: i32| lane >> 16);
            prop_assert_eq!(a + b * 65_536, weight);
            let mut parts = [0; 1];
            split(weight, 32, 0, &mut parts);
            prop_assert_eq!(parts, [weight]);
        }
    }
}
