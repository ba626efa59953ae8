//! What was found, in the words of the JSON document; the table and the page tell the same.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::{
    command::collect::{Photo, Photos},
    duplicates::{Group, Groups, Member, Threshold},
    files::{Failure, names::text},
    preprocess::{PhotoFacts, perceptual_hash::Likeness},
};

/// The whole of it.
#[derive(Serialize)]
pub(super) struct Found<'a> {
    pub threshold: f64,
    /// Photos that were compared.
    pub photos: usize,
    pub groups: Vec<FoundGroup<'a>>,
    /// Photos without a duplicate.
    #[serde(serialize_with = "as_texts")]
    pub unique: Vec<&'a Path>,
    pub failed: &'a [Failure],
    /// Files that are no images.
    pub skipped: u64,
}

/// Photos that show the same.
#[derive(Serialize)]
pub(super) struct FoundGroup<'a> {
    /// The least cosine of any two.
    pub least: f64,
    /// The best first, then from near to far.
    pub members: Vec<FoundMember<'a>>,
}

/// One of them.
#[derive(Serialize)]
pub(super) struct FoundMember<'a> {
    #[serde(serialize_with = "as_text")]
    pub path: &'a PathBuf,
    /// Whether it is the representative.
    pub best: bool,
    #[serde(flatten)]
    pub facts: PhotoFacts,
    pub bytes: u64,
    /// To the best.
    pub cosine: f64,
    /// Bits in which its hash differs from the best's.
    pub hash_distance: u32,
    pub likeness: Likeness,
    /// Greatest cosine to another member.
    pub nearest: f64,
    /// Least cosine to another member.
    pub least: f64,
}

fn as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(path))
}

fn as_texts<S: Serializer>(paths: &[&Path], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| text(path)))
}

impl<'a> Found<'a> {
    pub fn new(photos: &'a Photos, groups: &Groups, threshold: Threshold) -> Self {
        let unique = groups.unique.iter().map(|&index| photos.photos[index].path.as_path());
        Self {
            threshold: threshold.get(),
            photos: photos.photos.len(),
            groups: groups.groups.iter().map(|group| FoundGroup::new(photos, group)).collect(),
            unique: unique.collect(),
            failed: photos.failures.kept(),
            skipped: photos.skipped,
        }
    }

    /// Photos that are in a group.
    pub fn grouped(&self) -> usize {
        self.groups.iter().map(|group| group.members.len()).sum()
    }
}

impl<'a> FoundGroup<'a> {
    fn new(photos: &'a Photos, group: &Group) -> Self {
        let best = &photos.photos[group.representative];
        let mut members: Vec<_> = group.members.iter().collect();
        let is_other = |member: &Member| member.index != group.representative;
        // The sort is stable: of members that are as near, the first comes first.
        members.sort_by(|a, b| {
            is_other(a).cmp(&is_other(b)).then_with(|| b.cosine.total_cmp(&a.cosine))
        });
        let of = |member: &Member| FoundMember::new(&photos.photos[member.index], member, best);
        Self { least: short(group.least), members: members.into_iter().map(of).collect() }
    }
}

impl<'a> FoundMember<'a> {
    fn new(photo: &'a Photo, member: &Member, best: &Photo) -> Self {
        let hash_distance = photo.facts.hash.distance(best.facts.hash);
        Self {
            path: &photo.path,
            best: std::ptr::eq(photo, best),
            facts: photo.facts,
            bytes: photo.stamp.bytes,
            cosine: short(member.cosine),
            hash_distance,
            likeness: Likeness::at(hash_distance),
            nearest: short(member.nearest),
            least: short(member.least),
        }
    }
}

/// Six digits: what comes after them is the rounding of vectors in f32.
pub(in crate::command) fn short(cosine: f64) -> f64 {
    (cosine * 1e6).round() / 1e6
}
