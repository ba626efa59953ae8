//! What an instruction set must bring so that the resize, which is written once, runs on it: a
//! register of 32-bit lanes that hold levels of pixels, one or several in a lane.
//!
//! A lane holds [`TAPS`](Samples::TAPS) levels that follow each other along the axis of the resize.
//! A weight is cut into as many parts, of `32 / TAPS` bits each, because the processor multiplies
//! numbers of that size and adds the products of a lane in one step.

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(super) mod neon;

/// A register of [`LANES`](Samples::LANES) numbers of 32 bits.
///
/// # Safety
/// Every method needs a processor with the instruction set that the type is for, and is inlined
/// into a function that has it switched on. Pointers point to `LANES` numbers, aligned or not,
/// where nothing else is said.
pub(super) trait Samples: Copy {
    /// Lanes of a register, a multiple of 4 and at most 16: the rows of an image that are narrowed
    /// together.
    const LANES: usize;

    /// Levels in a lane: 4 of 8 bits, 2 of 16 or 1 of 32; a quarter of `LANES`.
    const TAPS: usize;

    /// `number` in every lane.
    unsafe fn splat(number: i32) -> Self;
    unsafe fn load(from: *const i32) -> Self;
    unsafe fn store(self, to: *mut i32);
    /// 16 bytes from `offset` on of `rows[0]`, `rows[4]`, `rows[8]` and so on, as many as fit.
    unsafe fn gather(rows: *const *const u8, offset: usize) -> Self;
    /// In each 16 bytes, which begin with 4 pixels: a lane with the `group`th `TAPS` levels of red,
    /// one of green and one of blue; the last is zeros.
    unsafe fn spread(self, group: usize) -> Self;
    /// In each 16 bytes, the first two lanes of both in turns, and the last two.
    unsafe fn zip_lanes(self, other: Self) -> [Self; 2];
    /// Likewise with pairs of lanes: the first of both, and the last.
    unsafe fn zip_pairs(self, other: Self) -> [Self; 2];
    /// `self + samples * parts` lane by lane, with the products of a lane added; modulo 2^32.
    unsafe fn add_products(self, samples: Self, parts: Self) -> Self;
    /// `self + (higher << (32 / TAPS))`, modulo 2^32.
    unsafe fn add_part(self, higher: Self) -> Self;
    /// Sums of levels in fixed point to levels from 0 to 255.
    unsafe fn to_levels(self) -> Self;
    /// The levels of each `TAPS` lanes in one.
    unsafe fn pack(self) -> [i32; 4];
    /// The levels as bytes to `LANES` bytes.
    unsafe fn store_bytes(self, to: *mut u8);
}

/// Which byte of 16 goes where in [`Samples::spread`], for each group; others than 0 to 15 are
/// zeros.
const fn spread<const TAPS: usize>() -> [[u8; 16]; 4] {
    const NONE: u8 = 0x80;
    let mut bytes = [[NONE; 16]; 4];
    let mut pixel = 0;
    while pixel < 4 {
        let (group, tap) = (pixel / TAPS, pixel % TAPS);
        let mut channel = 0;
        while channel < 3 {
            bytes[group][channel * 4 + tap * 4 / TAPS] = (pixel * 3 + channel) as u8;
            channel += 1;
        }
        pixel += 1;
    }
    bytes
}
