//! What a journal keeps across crashes, and whose it is.

use std::fs;

use super::*;
use crate::preprocess::{PerceptualHash, PhotoFacts};

fn origin() -> Origin {
    Origin::new("ViT-B-32 random, gelu, f32".to_owned(), 3)
}

fn record(name: &str, bytes: u64) -> Record {
    Record {
        path: name.into(),
        stamp: Stamp { bytes, modified: -5 },
        facts: PhotoFacts { width: 7, height: u32::MAX, hash: PerceptualHash(9) },
        embedding: vec![0.25, -1., f32::MIN_POSITIVE],
    }
}

fn open(path: &Path) -> Result<Journal, JournalError> {
    Journal::open(path, &origin(), false)
}

#[test]
fn records_outlive_the_process_and_are_found_while_their_file_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.partial");
    let journal = open(&path).unwrap();
    let places = ["a", "b\nc"].map(|name| journal.append(&record(name, 1)).unwrap());
    assert_eq!((journal.known(), journal.read(places[1]).unwrap()), (0, record("b\nc", 1)));
    drop(journal);
    let journal = open(&path).unwrap();
    assert_eq!(journal.known(), 2);
    let find = |name: &str, bytes| journal.find(Path::new(name), Stamp { bytes, modified: -5 });
    assert_eq!([find("a", 1), find("b\nc", 1)], places.map(Some));
    assert_eq!([find("a", 2), find("c", 1)], [None; 2], "changed, and another");
    assert_eq!(journal.find(Path::new("a"), Stamp { bytes: 1, modified: 0 }), None);
    // The newest record of a path is the one that counts.
    let newer = journal.append(&record("a", 2)).unwrap();
    drop(journal);
    let journal = open(&path).unwrap();
    let stamp = Stamp { bytes: 2, modified: -5 };
    assert_eq!((journal.known(), journal.find(Path::new("a"), stamp)), (2, Some(newer)));
}

#[test]
fn what_a_crash_left_half_written_is_cut_off_and_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.partial");
    let journal = open(&path).unwrap();
    let first = fs::read(&path).unwrap().len();
    journal.append(&record("a", 1)).unwrap();
    let second = fs::read(&path).unwrap().len();
    journal.append(&record("b", 1)).unwrap();
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let known = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let journal = open(&path).unwrap();
        let known = journal.known();
        let place = journal.append(&record("c", 1)).unwrap();
        drop(journal);
        let journal = open(&path).unwrap();
        assert_eq!(journal.read(place).unwrap(), record("c", 1), "{}", bytes.len());
        assert_eq!(journal.known(), known + 1, "{}", bytes.len());
        known
    };
    for length in 0..=whole.len() {
        let expected = usize::from(length >= second) + usize::from(length == whole.len());
        assert_eq!(known(&whole[..length]), expected, "{length} of {first}, {second}");
    }
    for at in second..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert_eq!(known(&damaged), 1, "{at}");
    }
    let mut zeros = whole.clone();
    zeros.extend([0; 100]);
    assert_eq!(known(&zeros), 2);
}

#[test]
fn a_journal_of_another_model_or_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.partial");
    open(&path).unwrap().append(&record("a", 1)).unwrap();
    let before = fs::read(&path).unwrap();
    let other = Origin::new("ViT-L-14".to_owned(), 3);
    let message = Journal::open(&path, &other, false).unwrap_err().to_string();
    for part in ["out.partial", "ViT-B-32 random, gelu, f32", "ViT-L-14", "--restart"] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(Journal::open(&path, &other, true).unwrap().known(), 0, "anew");
    for foreign in [&b"a film, of which a part has come"[..], b"{\"a\": 1}\n", &[0; 70_000]] {
        fs::write(&path, foreign).unwrap();
        for anew in [false, true] {
            let error = Journal::open(&path, &origin(), anew).unwrap_err();
            assert!(matches!(error, JournalError::NoJournal(_)), "{error}");
            assert_eq!(fs::read(&path).unwrap(), foreign);
        }
    }
}

#[test]
fn one_run_has_it_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.partial");
    let first = open(&path).unwrap();
    assert!(matches!(open(&path).unwrap_err(), JournalError::InUse(_)));
    drop(first);
    open(&path).unwrap();
    let error = open(&folder.path().join("no/out.partial")).unwrap_err();
    assert!(error.to_string().contains("no/out.partial: No such file"), "{error}");
}
