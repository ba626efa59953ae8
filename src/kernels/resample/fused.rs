//! Both passes in one walk through the image, written once for all instruction sets.
//!
//! As many rows as a register has lanes are narrowed together, one in each lane, so that a weight
//! serves all of them and no sum is taken across lanes. For that their levels are brought from
//! "row after row" to "group after group", a group being the pixels that share a lane, just ahead
//! of the first window that needs them. What comes out waits, again in groups, for the second
//! pass, only until the last window over it is done: a band of rows that stays in the cache. Each
//! byte of the image is read once.
//!
//! # Why it is exact
//! A weight is the sum of its parts, each shifted by its place (see [`parts`]); so the sum over all
//! pixels of level times weight is that of the shifted sums over level times part. All of it holds
//! modulo 2^32 whatever overflows on the way, since additions and shifts to the left do; and the
//! whole sum is a number of 32 bits, see [`MOST_WEIGHT`]. What is left are the products within a lane,
//! which the processor adds before they are 32 bits wide: four of a byte and a signed byte are at
//! most 4 * 255 * 128 in size, which `vpdpbusd` adds without saturation; two of a byte and a signed
//! 16-bit number at most 2 * 255 * 32,768, which is below 2^31 (`vpmaddwd` overflows only where all
//! four factors are -32,768).

use std::array;

use super::{
    super::samples::Samples,
    CHANNELS, HALF, Resample,
    parts::{Groups, Parts},
    span,
};

/// A cache line, so that no register is loaded from two.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read through pointers")] [i32; 16]);

/// Numbers, all zero at first.
struct Numbers(Vec<Line>);

impl Numbers {
    fn zeros(len: usize) -> Self {
        Self(vec![Line([0; 16]); len.div_ceil(16)])
    }

    fn as_mut_ptr(&mut self) -> *mut i32 {
        self.0.as_mut_ptr().cast()
    }
}

/// Of every instruction set.
const MOST_LANES: usize = 16;

/// Bytes that [`Samples::gather`] reads of a row.
const GATHERED: usize = 16;

/// Pixels of them that are used.
const PIXELS: usize = 4;

/// Registers of the second pass side by side.
const ACROSS: usize = 4;

/// Groups that the rows in a register's lanes make.
const GROUPS: usize = 4;

/// Computes `task` with weights in `D` parts.
///
/// # Safety
/// As [`Samples`], with `D` parts for its `TAPS`; and `task` must have passed [`Resample::check`].
#[inline(always)]
pub(in crate::kernels) unsafe fn resample<V: Samples, const D: usize>(task: &mut Resample<'_>) {
    let columns = Parts::new(task.columns, V::TAPS, D);
    let rows = Parts::new(task.rows, V::TAPS, D);
    let needed = span(task.rows);
    let (stride, first) = (task.width * CHANNELS, span(task.columns).start * CHANNELS);
    let row = |index: usize| &task.image[index * stride..][first..stride];

    let levels = columns.windows().len() * CHANNELS;
    let mut narrowing = Narrowing {
        samples: Numbers::zeros(
            columns.groups().next_multiple_of(PIXELS / V::TAPS) * CHANNELS * V::LANES,
        ),
        columns,
    };
    let mut band = Band::new(rows.most(), levels.next_multiple_of(ACROSS * V::LANES));
    let mut bytes = vec![0; band.stride];
    let (mut next, mut ready) = (needed.start, 0);
    for (window, output) in rows.windows().iter().zip(task.output.chunks_exact_mut(levels)) {
        while ready < window.end() {
            // Where the image ends, the last row stands in for those that its weights leave out.
            let rows: [&[u8]; MOST_LANES] =
                array::from_fn(|lane| row((next + lane).min(needed.end - 1)));
            // SAFETY: handed on; the band has room for the groups of `LANES` rows.
            unsafe { narrowing.narrow::<V, D>(&rows, band.groups(ready)) };
            next += V::LANES;
            ready += GROUPS;
        }
        // SAFETY: handed on; `bytes` has room for a row of the band.
        unsafe { band.weigh::<V, D>(window, rows.lanes(window), &mut bytes) };
        output.copy_from_slice(&bytes[..levels]);
    }
}

/// The first pass, over some rows at a time.
struct Narrowing {
    columns: Parts,
    /// `[group][channel][row]`.
    samples: Numbers,
}

impl Narrowing {
    /// Writes the levels of each column and channel to each of `groups`.
    ///
    /// # Safety
    /// As [`resample`]; `rows` has `V::LANES` rows that are as long as the windows need, and each
    /// of `groups` has room.
    #[inline(always)]
    unsafe fn narrow<V: Samples, const D: usize>(
        &mut self,
        rows: &[&[u8]; MOST_LANES],
        groups: [*mut i32; GROUPS],
    ) {
        let samples = self.samples.as_mut_ptr();
        let mut gathered = 0;
        for (column, window) in self.columns.windows().iter().enumerate() {
            while gathered * PIXELS < window.end() * V::TAPS {
                let to = gathered * PIXELS / V::TAPS * CHANNELS * V::LANES;
                // SAFETY: as the caller promises; the samples have room for every window's groups.
                unsafe { gather::<V>(rows, gathered * PIXELS * CHANNELS, samples.add(to)) };
                gathered += 1;
            }
            // SAFETY: the window's groups have been gathered.
            unsafe {
                let from = samples.add(window.first * CHANNELS * V::LANES);
                let lanes = self.columns.lanes(window).as_ptr();
                let sums: [V; CHANNELS] = sum::<V, D, CHANNELS>(window.count, lanes, |group| {
                    from.add(group * CHANNELS * V::LANES)
                });
                for (channel, sum) in sums.into_iter().enumerate() {
                    let packed = sum.to_levels().pack();
                    for (group, packed) in groups.into_iter().zip(packed) {
                        *group.add(column * CHANNELS + channel) = packed;
                    }
                }
            }
        }
    }
}

/// The weighted sums of `N` registers side by side, over `count` groups, the registers of each of
/// which begin at `at(group)`, its weights' parts at `lanes`.
///
/// # Safety
/// As [`Samples`]; the pointers are to as many numbers.
#[inline(always)]
unsafe fn sum<V: Samples, const D: usize, const N: usize>(
    count: usize,
    lanes: *const i32,
    mut at: impl FnMut(usize) -> *const i32,
) -> [V; N] {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [[V::splat(0); N]; D];
        sums[0] = [V::splat(HALF); N];
        for group in 0..count {
            let from = at(group);
            let samples: [V; N] = array::from_fn(|n| V::load(from.add(n * V::LANES)));
            for (d, sums) in sums.iter_mut().enumerate() {
                let parts = V::splat(*lanes.add(group * D + d));
                for (sum, samples) in sums.iter_mut().zip(samples) {
                    *sum = sum.add_products(samples, parts);
                }
            }
        }
        let mut total = sums[D - 1];
        for sums in sums[..D - 1].iter().rev() {
            for (total, sum) in total.iter_mut().zip(sums) {
                *total = sum.add_part(*total);
            }
        }
        total
    }
}

/// Brings four pixels from `offset` on of each of `V::LANES` rows into groups, zeros where the rows end.
///
/// # Safety
/// As [`Samples`]; `to` has room for `PIXELS * CHANNELS / V::TAPS` registers.
#[inline(always)]
unsafe fn gather<V: Samples>(rows: &[&[u8]; MOST_LANES], offset: usize, to: *mut i32) {
    let left = rows[0].len() - offset;
    // SAFETY: all rows are equally long, so that `GATHERED` bytes are left of each.
    unsafe {
        if left >= GATHERED {
            let rows = rows.map(|row| row.as_ptr());
            transpose::<V>(&rows, offset, to);
        } else {
            let mut ends = [[0; GATHERED]; MOST_LANES];
            for (end, row) in ends.iter_mut().zip(rows) {
                end[..left].copy_from_slice(&row[offset..]);
            }
            let rows = array::from_fn(|row| ends[row].as_ptr());
            transpose::<V>(&rows, 0, to);
        }
    }
}

/// # Safety
/// As [`gather`], with `GATHERED` bytes from `offset` on in each row.
#[inline(always)]
unsafe fn transpose<V: Samples>(rows: &[*const u8; MOST_LANES], offset: usize, to: *mut i32) {
    // SAFETY: as the caller promises.
    unsafe {
        let pieces: [V; 4] = array::from_fn(|row| V::gather(rows.as_ptr().add(row), offset));
        for group in 0..PIXELS / V::TAPS {
            let [a, b, c, d] = pieces.map(|piece| piece.spread(group));
            let [ab, cd] = [a.zip_lanes(b), c.zip_lanes(d)];
            let [red, green] = ab[0].zip_pairs(cd[0]);
            let [blue, _] = ab[1].zip_pairs(cd[1]);
            for (channel, levels) in [red, green, blue].into_iter().enumerate() {
                levels.store(to.add((group * CHANNELS + channel) * V::LANES));
            }
        }
    }
}

/// Narrowed rows between the passes, in groups; the newest takes the place of the oldest.
struct Band {
    /// `[group][column][channel]`.
    groups: Numbers,
    /// How many there is room for, a multiple of `GROUPS`.
    room: usize,
    /// Numbers from a group to the next.
    stride: usize,
}

impl Band {
    /// For windows of at most `most` groups, `stride` numbers in a group.
    fn new(most: usize, stride: usize) -> Self {
        // The last group of a window may be the first of those that are written together.
        let room = (most + GROUPS - 1).next_multiple_of(GROUPS);
        Self { groups: Numbers::zeros(room * stride), room, stride }
    }

    /// The places of the groups that are written together, from `first` on, a multiple of `GROUPS`.
    fn groups(&mut self, first: usize) -> [*mut i32; GROUPS] {
        let groups = &mut self.groups;
        let first = first % self.room;
        array::from_fn(|group| groups.as_mut_ptr().wrapping_add((first + group) * self.stride))
    }

    /// The second pass: the bytes of the row that `window` makes, its weights' parts in `lanes`.
    ///
    /// # Safety
    /// As [`resample`]; `bytes` has room for a group's numbers, which are whole registers.
    #[inline(always)]
    unsafe fn weigh<V: Samples, const D: usize>(
        &mut self,
        window: &Groups,
        lanes: &[i32],
        bytes: &mut [u8],
    ) {
        let (room, stride) = (self.room, self.stride);
        let start = self.groups.as_mut_ptr().cast_const();
        for (index, bytes) in bytes.chunks_exact_mut(ACROSS * V::LANES).enumerate() {
            let mut group = window.first % room;
            // SAFETY: groups of the band, and registers of a group; `lanes` are the window's.
            unsafe {
                let start = start.add(index * ACROSS * V::LANES);
                let sums: [V; ACROSS] = sum::<V, D, ACROSS>(window.count, lanes.as_ptr(), |_| {
                    let from = start.add(group * stride);
                    group = if group + 1 == room { 0 } else { group + 1 };
                    from
                });
                for (n, sum) in sums.into_iter().enumerate() {
                    sum.to_levels().store_bytes(bytes.as_mut_ptr().add(n * V::LANES));
                }
            }
        }
    }
}
