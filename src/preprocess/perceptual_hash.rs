//! A 64-bit perceptual hash of a photo (pHash): pictures that look the same have hashes that differ
//! in few bits, also after scaling and another compression. It tells copies from photos that are
//! merely alike, whose embeddings may be as near.
//!
//! The whole picture is averaged to 32 x 32 grey by area, its DCT-II taken, and each of the 8 x 8
//! lowest frequencies compared with their median: the method of `imagehash.phash` in Python, whose
//! hashes differ from these in few bits, since it resizes otherwise. In whole numbers throughout, so
//! a hash is the same on every machine. Reads the decoded pixels once, where they lie.

mod area;

use std::{fmt, str::FromStr};

use area::{SIDE, grey};

use super::decode::Rgb;

/// Frequencies of each axis that are looked at.
const LOW: usize = 8;

/// Bits of a hash.
pub const BITS: u32 = (LOW * LOW) as u32;

/// The hash of a picture. Its text is 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PerceptualHash(pub u64);

impl PerceptualHash {
    /// Of all pixels of `rgb`.
    pub fn of(rgb: &Rgb) -> Self {
        let frequencies = low_frequencies(&grey(rgb));
        let mut sorted = frequencies;
        sorted.sort_unstable();
        // Twice the median, of an even number of values.
        let median = sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2];
        let bits = frequencies.iter().map(|&frequency| u64::from(2 * frequency > median));
        Self(bits.fold(0, |hash, bit| hash << 1 | bit))
    }

    /// In how many of [`BITS`] bits two hashes differ (their Hamming distance).
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// Most bits in which the hashes of one picture differ that was scaled or compressed anew: nearly
/// always 0 to 2. Photos of one scene, taken one after the other, differ in more.
pub const SAME_PICTURE: u32 = 4;

/// What two photos are to one another that are near in the model's space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Likeness {
    /// The same picture, perhaps scaled or compressed anew: at most [`SAME_PICTURE`] bits apart.
    Identical,
    /// Pictures of the same, perhaps.
    Near,
}

impl Likeness {
    /// Of pictures whose hashes are so many bits apart.
    pub fn at(distance: u32) -> Self {
        if distance <= SAME_PICTURE { Self::Identical } else { Self::Near }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Identical => "identical",
            Self::Near => "near",
        })
    }
}

impl fmt::Display for PerceptualHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a perceptual hash is 16 hexadecimal digits")]
pub struct NoHash;

impl FromStr for PerceptualHash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digits = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let hash = digits.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        hash.map(Self).ok_or(NoHash)
    }
}

impl serde::Serialize for PerceptualHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a cosine of the transform is multiplied by. 32 levels of 16 bits times one, 32 of these times
/// another, come to less than 2^55.
const ONE: f64 = (1 << 14) as f64;

/// The lowest frequencies of `grey`, row-major, by the DCT-II: `sum(x[n] * cos(pi k (2 n + 1) / 2 N))`
/// along each axis, without a scale.
fn low_frequencies(grey: &[[i64; SIDE]; SIDE]) -> [i64; LOW * LOW] {
    let angle = std::f64::consts::PI / (2 * SIDE) as f64;
    let cosine = |k: usize, n: usize| ((angle * (k * (2 * n + 1)) as f64).cos() * ONE).round();
    let cosines: [[i64; SIDE]; LOW] =
        std::array::from_fn(|k| std::array::from_fn(|n| cosine(k, n) as i64));
    let along = |numbers: &dyn Fn(usize) -> i64, k: usize| -> i64 {
        (0..SIDE).map(|n| cosines[k][n] * numbers(n)).sum()
    };
    let rows: [[i64; LOW]; SIDE] =
        std::array::from_fn(|y| std::array::from_fn(|k| along(&|x| grey[y][x], k)));
    std::array::from_fn(|at| along(&|y| rows[y][at % LOW], at / LOW))
}

#[cfg(test)]
mod tests;
