//! What was found, for a person at a terminal.

use super::found::{Found, FoundGroup, FoundMember};
use crate::{
    files::names::printable,
    preprocess::{PhotoFacts, perceptual_hash::Likeness},
};

/// Groups one after the other, and at the end how much there was. Names come last in a line, since
/// nobody knows how wide they are.
pub(super) fn table(found: &Found<'_>) -> String {
    let mut text = String::new();
    for (at, group) in found.groups.iter().enumerate() {
        text.push_str(&heading(at, group));
        for member in &group.members {
            text.push_str(&row(member));
        }
        text.push('\n');
    }
    let (groups, grouped) = (found.groups.len(), found.grouped());
    text.push_str(&format!(
        "{groups} {} with {grouped} of {} photos, {} without a duplicate; threshold {}\n",
        if groups == 1 { "group" } else { "groups" },
        found.photos,
        found.unique.len(),
        found.threshold,
    ));
    text
}

fn heading(at: usize, group: &FoundGroup<'_>) -> String {
    let (number, photos) = (at + 1, group.members.len());
    format!(
        "group {number}: {photos} photos, any two with a cosine of {:.4} or more\n",
        group.least
    )
}

fn row(member: &FoundMember<'_>) -> String {
    let FoundMember { facts: PhotoFacts { width, height, .. }, cosine, bytes, .. } = *member;
    let (path, sides) = (printable(member.path), format!("{width}x{height}"));
    let (cosine, picture) = match member.best {
        true => ("best".to_owned(), String::new()),
        false => (format!("{cosine:.4}"), picture(member)),
    };
    format!("  {cosine:>6}  {picture:<17}  {sides:>11}  {:>8}  {path}\n", size(bytes))
}

/// Whether it is the same picture, and by how many bits of the hash.
pub(super) fn picture(member: &FoundMember<'_>) -> String {
    let bits = member.hash_distance;
    let plural = if bits == 1 { "" } else { "s" };
    match member.likeness {
        Likeness::Identical => format!("identical, {bits} bit{plural}"),
        Likeness::Near => format!("near, {bits} bit{plural}"),
    }
}

/// A number of bytes in three digits.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut number = bytes as f64;
    let mut unit = 0;
    while number >= 999.5 && unit + 1 < UNITS.len() {
        number /= 1000.;
        unit += 1;
    }
    let digits = if unit == 0 || number >= 9.95 { 0 } else { 1 };
    format!("{number:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_at_most_three_digits() {
        let sizes = [0, 999, 1000, 9_940, 9_960, 999_499, 999_500, 3_400_000, u64::MAX].map(size);
        let expected =
            ["0 B", "999 B", "1.0 kB", "9.9 kB", "10 kB", "999 kB", "1.0 MB", "3.4 MB", "18447 PB"];
        assert_eq!(sizes, expected);
    }
}
