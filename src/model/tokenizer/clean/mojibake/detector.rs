//! Runs of characters that look like UTF-8 in some single-byte encoding: ftfy's `UTF8_DETECTOR_RE`.
//!
//! <https://github.com/rspeer/python-ftfy/blob/v6.3.1/ftfy/chardata.py>

use std::{ops::Range, sync::LazyLock};

/// What stands for the first byte of two, of three and of four in some encoding, in ranges.
const FIRST: [&str; 3] =
    ["Â-ßĀĂĆČĎĐĒĖĘĚĞĢĪİĶĹĻŁŃŅŇŌŐŘŚŞŠŢŪŮŰŲŹŻŽΒ-ΡΣ-ίВ-Я", "à-ïāăąćčďēėęěģīįķĺļŕźΰ-οа-п", "ðóđğšπσру"];
/// What stands for another byte of a character; a space may have been U+00A0.
const CONTINUATION: &str =
    " \u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛-˝΄-ΆΈ-ΊΌΎΏЁ-ЌЎЏё-ќўџҐґ–-―‘-‚“-„†-•…‰‹›€№™";
/// The same without what stands for itself beside mojibake: spaces, dashes, quotes.
const STRICT: &str = "\u{80}-¿ÆØæøĄąĽľŁłŒœŖŗŚśŞ-šŤťŸ-žƒˆˇ˘˛-˝΄-ΆΈ-ΊΌΎΏЁ-ЌЎЏё-ќўџҐґ†‡‰‹›€№™";

/// Some characters, as ranges in order.
#[derive(Debug)]
struct Set(Vec<(char, char)>);

impl Set {
    /// Of `a-z` and single characters.
    fn new(ranges: &str) -> Self {
        let characters: Vec<char> = ranges.chars().collect();
        let mut rest = characters.as_slice();
        let mut set = Vec::new();
        while let [first, behind @ ..] = rest {
            let (last, behind) = match behind {
                ['-', last, behind @ ..] => (last, behind),
                _ => (first, behind),
            };
            set.push((*first, *last));
            rest = behind;
        }
        set.sort_unstable();
        Self(set)
    }

    fn contains(&self, character: char) -> bool {
        let after = self.0.partition_point(|&(first, _)| first <= character);
        after > 0 && character <= self.0[after - 1].1
    }
}

#[derive(Debug)]
struct Detector {
    first: [Set; 3],
    continuation: Set,
    strict: Set,
}

static DETECTOR: LazyLock<Detector> = LazyLock::new(|| Detector {
    first: FIRST.map(Set::new),
    continuation: Set::new(CONTINUATION),
    strict: Set::new(STRICT),
});

/// Where the runs are, in bytes of `text`.
pub fn runs(text: &str) -> Vec<Range<usize>> {
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let byte = |index: usize| characters.get(index).map_or(text.len(), |&(byte, _)| byte);
    let mut runs = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let inside = at > 0 && DETECTOR.strict.contains(characters[at - 1].1);
        let length = if inside { 0 } else { DETECTOR.run(&characters[at..]) };
        if length > 0 {
            runs.push(byte(at)..byte(at + length));
        }
        at += length.max(1);
    }
    runs
}

impl Detector {
    /// How many characters belong to the run that begins here.
    fn run(&self, characters: &[(usize, char)]) -> usize {
        let mut length = 0;
        while let Some(more) = self.one(&characters[length..]) {
            length += more;
        }
        length
    }

    /// How many characters stand for one here.
    fn one(&self, characters: &[(usize, char)]) -> Option<usize> {
        let &(_, first) = characters.first()?;
        (1..=3).find_map(|more| {
            let behind = characters.get(1..=more)?;
            let found = self.first[more - 1].contains(first)
                && behind.iter().all(|&(_, character)| self.continuation.contains(character));
            found.then_some(1 + more)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        runs(text).into_iter().map(|run| &text[run]).collect()
    }

    #[test]
    fn runs_are_as_long_as_they_can_be_and_begin_behind_what_is_no_part_of_one() {
        assert_eq!(found("sÃ³ and âœ”Ã© x"), ["Ã³", "âœ”Ã©"]);
        assert_eq!(found("ðŸ˜€"), ["ðŸ˜€"]);
        assert_eq!(found("\u{a9}Ã³Ã³"), Vec::<&str>::new());
        assert_eq!(found("plain, schön, Ã"), Vec::<&str>::new());
    }
}
