//! Chroma at the size of luma, one row of pixels at a time, as libjpeg's `jdsample.c` with its
//! default "fancy" filter: halved components are interpolated 3/4 to 1/4 between the nearest
//! samples, with rounding that alternates so that it does not brighten; others are repeated.
//! At the edges the nearest sample stands for the one outside.

use super::layout::{Component, Layout, Plane};

/// How a component becomes full size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    /// It is full size.
    None,
    /// Half the width, interpolated (`h2v1_fancy_upsample`).
    Across,
    /// Half the height, interpolated (`h1v2_fancy_upsample`).
    Down,
    /// Half of both, interpolated (`h2v2_fancy_upsample`).
    Both,
    /// Repeated (`int_upsample`, `h2v1_upsample`, `h2v2_upsample`).
    Repeat,
}

/// Makes full rows of a component.
pub(super) struct Upsampler {
    filter: Filter,
    /// How often samples are repeated.
    across: usize,
    down: usize,
    width: usize,
    height: usize,
    /// Weighted sums of two rows, with one more at each end.
    sums: Vec<u16>,
    full: Vec<u8>,
}

impl Upsampler {
    /// For a component whose sampling factors divide the largest.
    pub(super) fn new(component: &Component, layout: &Layout) -> Self {
        let across = layout.across / component.across;
        let down = layout.down / component.down;
        let filter = match (across, down) {
            (1, 1) => Filter::None,
            (1, 2) => Filter::Down,
            (2, 1) if component.width > 2 => Filter::Across,
            (2, 2) if component.width > 2 => Filter::Both,
            _ => Filter::Repeat,
        };
        Self {
            filter,
            across,
            down,
            width: component.width,
            height: component.height,
            sums: vec![0; component.width + 2],
            full: vec![0; component.width * across],
        }
    }

    /// The samples of the component for row `y` of the image; at least as many as it is wide.
    pub(super) fn row<'a>(&'a mut self, plane: &'a Plane, y: usize) -> &'a [u8] {
        let near = &plane.row(y / self.down)[..self.width];
        let far = match y % 2 {
            0 => (y / 2).saturating_sub(1),
            _ => (y / 2 + 1).min(self.height - 1),
        };
        match self.filter {
            Filter::None => return near,
            Filter::Repeat => repeat(near, self.across, &mut self.full),
            Filter::Across => {
                self.set_sums(near.iter().map(|&v| v.into()));
                spread::<1, 2, 2>(&self.sums, &mut self.full);
            }
            Filter::Down => {
                let bias = 1 + (y % 2) as u16;
                let sums = weighted(near, plane.row(far));
                for (out, sum) in self.full.iter_mut().zip(sums) {
                    *out = ((sum + bias) >> 2) as u8;
                }
            }
            Filter::Both => {
                self.set_sums(weighted(near, plane.row(far)));
                spread::<8, 7, 4>(&self.sums, &mut self.full);
            }
        }
        &self.full
    }

    fn set_sums(&mut self, sums: impl Iterator<Item = u16>) {
        let width = self.width;
        for (place, sum) in self.sums[1..=width].iter_mut().zip(sums) {
            *place = sum;
        }
        self.sums[0] = self.sums[1];
        self.sums[width + 1] = self.sums[width];
    }
}

/// Three parts of the near row to one of the far.
fn weighted<'a>(near: &'a [u8], far: &'a [u8]) -> impl Iterator<Item = u16> + 'a {
    let pairs = near.iter().zip(far);
    pairs.map(|(&near, &far)| 3 * u16::from(near) + u16::from(far))
}

/// Two pixels for each sum: three parts of it to one of its left and right neighbour, divided by
/// `1 << SHIFT` after `LEFT` and `RIGHT` are added.
fn spread<const LEFT: u16, const RIGHT: u16, const SHIFT: u32>(sums: &[u16], out: &mut [u8]) {
    let count = out.len() / 2;
    let (before, here, after) = (&sums[..count], &sums[1..][..count], &sums[2..][..count]);
    let pixels = out.as_chunks_mut::<2>().0;
    for (i, pixel) in pixels.iter_mut().enumerate().take(count) {
        let near = 3 * here[i];
        let left = (near + before[i] + LEFT) >> SHIFT;
        let right = (near + after[i] + RIGHT) >> SHIFT;
        *pixel = [left as u8, right as u8];
    }
}

/// Each sample `times` times.
fn repeat(samples: &[u8], times: usize, out: &mut [u8]) {
    for (pixels, sample) in out.chunks_mut(times).zip(samples) {
        pixels.fill(*sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_alternates_and_edges_are_kept() {
        // By hand from `h2v1_fancy_upsample`.
        let (samples, mut out) = ([10, 10, 11, 20, 20], [0; 6]);
        spread::<1, 2, 2>(&samples, &mut out);
        assert_eq!(out, [10, 10, 11, 13, 18, 20]);
    }

    #[test]
    fn samples_are_repeated_by_any_factor() {
        let mut out = [0; 6];
        repeat(&[1, 2], 3, &mut out);
        assert_eq!(out, [1, 1, 1, 2, 2, 2]);
    }
}
