//! A download that breaks is resumed, one that is damaged is thrown away, and progress is told by
//! tenths.

use std::{fs, time::Duration};

use inference_service::model::hub::{Hub, HubError, Settings};

use super::{Bench, WEIGHTS};
use crate::hub_server::{COMMIT, Fault, REPO, sha256};

fn get(bench: &Bench) -> Result<Vec<u8>, HubError> {
    let hub = bench.hub();
    let path = hub.repo(REPO, "main").unwrap().get(WEIGHTS)?;
    Ok(fs::read(path).unwrap())
}

fn range(from: usize) -> Option<String> {
    Some(format!("bytes={from}-"))
}

#[test]
fn cut_connection_is_resumed_where_it_broke() {
    let (bench, content) = Bench::with_weights();
    bench.server.get_faults([Fault::Cut(30_000), Fault::Cut(20_000)]);
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.ranges(), [None, range(30_000), range(50_000)]);
    assert_eq!(bench.pauses(), [1, 1], "an attempt that brought something starts the pauses anew");
}

#[test]
fn leftover_of_an_earlier_start_is_resumed() {
    let (bench, content) = Bench::with_weights();
    fs::create_dir_all(bench.stored("blobs")).unwrap();
    let incomplete = bench.stored("blobs").join(format!("{}.incomplete", sha256(&content)));
    fs::write(&incomplete, &content[..70_000]).unwrap();
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.ranges(), [range(70_000)]);
    assert!(!incomplete.exists());
}

#[test]
fn leftover_with_wrong_bytes_is_thrown_away() {
    let (bench, content) = Bench::with_weights();
    fs::create_dir_all(bench.stored("blobs")).unwrap();
    let incomplete = bench.stored("blobs").join(format!("{}.incomplete", sha256(&content)));
    fs::write(&incomplete, vec![0; 70_000]).unwrap();
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.ranges(), [range(70_000), None]);
}

#[test]
fn leftover_that_is_too_long_is_thrown_away() {
    let (bench, content) = Bench::with_weights();
    fs::create_dir_all(bench.stored("blobs")).unwrap();
    let incomplete = bench.stored("blobs").join(format!("{}.incomplete", sha256(&content)));
    fs::write(&incomplete, vec![0; 100_001]).unwrap();
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.ranges(), [None]);
}

#[test]
fn server_without_ranges_starts_over() {
    let refused = vec![None, range(30_000), None];
    for (fault, ranges) in
        [(Fault::IgnoreRange, refused[..2].to_vec()), (Fault::RefuseRange, refused)]
    {
        let (bench, content) = Bench::with_weights();
        bench.server.get_faults([Fault::Cut(30_000), fault]);
        assert_eq!(get(&bench).unwrap(), content);
        assert_eq!(bench.server.ranges(), ranges);
    }
}

#[test]
fn server_that_always_cuts_and_ignores_ranges_ends_the_attempts() {
    let (bench, _) = Bench::with_weights();
    let cut = |_| Fault::IgnoreRangeAndCut(30_000);
    bench.server.get_faults(std::array::from_fn::<_, 9, _>(cut));
    let error = get(&bench).unwrap_err();
    assert!(matches!(error, HubError::Unreachable { attempts: 5, .. }), "{error}");
    assert_eq!(bench.pauses(), [1, 2, 4, 8], "the same bytes again are no progress");
}

#[test]
fn stalled_connection_counts_as_broken() {
    let (bench, content) = Bench::with_weights();
    bench.server.get_faults([Fault::Stall(40_000)]);
    let settings = Settings { read_timeout: Duration::from_secs(1), ..bench.settings() };
    let hub = Hub::new(settings);
    let path = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(bench.server.ranges()[1], range(40_000));
}

#[test]
fn wrong_bytes_are_fetched_anew_once() {
    let (bench, content) = Bench::with_weights();
    bench.server.get_faults([Fault::Wrong]);
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.ranges(), [None, None]);
}

#[test]
fn wrong_bytes_twice_are_an_error_and_nothing_is_kept() {
    for fault in [Fault::Wrong, Fault::Longer] {
        let (bench, _) = Bench::with_weights();
        bench.server.get_faults([fault.clone(), fault]);
        let error = get(&bench).unwrap_err();
        assert_eq!(error.code(), "hub_corrupt");
        assert!(error.to_string().contains("arrived damaged twice: expected"), "{error}");
        assert_eq!(fs::read_dir(bench.stored("blobs")).unwrap().count(), 0);
        assert!(!bench.stored(&format!("snapshots/{COMMIT}/{WEIGHTS}")).exists());
    }
}

#[test]
fn small_file_is_checked_by_its_git_blob_id() {
    let bench = Bench::new();
    bench.server.small("config.json", b"{}");
    bench.server.get_faults([Fault::Wrong, Fault::Wrong]);
    let error = bench.hub().repo(REPO, "main").unwrap().get("config.json").unwrap_err();
    assert!(error.to_string().contains("expected git blob id"), "{error}");
}

#[test]
fn failing_hub_is_asked_again_with_growing_pauses() {
    let (bench, content) = Bench::with_weights();
    let failed = Fault::Status(503, None);
    bench.server.head_faults([failed.clone(), Fault::Status(429, None), failed.clone()]);
    bench.server.get_faults([failed]);
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.pauses(), [1, 2, 4, 1]);
}

#[test]
fn link_that_the_storage_refuses_is_asked_for_anew() {
    let (bench, content) = Bench::with_weights();
    bench.server.get_faults([Fault::Cut(10), Fault::Status(403, None)]);
    assert_eq!(get(&bench).unwrap(), content);
    assert_eq!(bench.server.count("GET"), (3, 3));
}

#[test]
fn progress_is_one_line_for_every_tenth() {
    let (bench, _) = Bench::with_weights();
    // Ten answers of a tenth each, so that the tenths do not depend on how the network cuts the
    // bytes.
    bench.server.get_faults(std::array::from_fn::<_, 9, _>(|_| Fault::Cut(10_000)));
    get(&bench).unwrap();
    let lines = bench.lines.lock().unwrap();
    let percents: Vec<_> = lines.iter().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(percents, ["10", "20", "30", "40", "50", "60", "70", "80", "90", "100"]);
    assert!(lines[2].starts_with(&format!("downloading {WEIGHTS}: 30 %, 0.0 of 0.1 MB, ")));
    assert!(lines[2].ends_with(" MB/s"), "{}", lines[2]);
}

/// `/dev/full` takes no byte and says that the disk is full.
#[test]
#[cfg(target_os = "linux")]
fn full_disk_names_the_folder_and_the_variable() {
    let (bench, content) = Bench::with_weights();
    fs::create_dir_all(bench.stored("blobs")).unwrap();
    let incomplete = bench.stored("blobs").join(format!("{}.incomplete", sha256(&content)));
    std::os::unix::fs::symlink("/dev/full", &incomplete).unwrap();
    let error = get(&bench).unwrap_err();
    assert_eq!(error.code(), "hub_disk");
    let message = error.to_string();
    for part in [incomplete.to_str().unwrap(), "No space left", "HF_HUB_CACHE"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn cache_that_cannot_be_made_names_the_folder_and_the_variable() {
    let (bench, _) = Bench::with_weights();
    let file = bench.cache().join("file");
    fs::write(&file, "").unwrap();
    let hub = Hub::new(Settings { cache: file.join("hub"), ..bench.settings() });
    let message = hub.repo(REPO, "main").unwrap().get(WEIGHTS).unwrap_err().to_string();
    assert!(
        message.contains(file.to_str().unwrap()) && message.contains("HF_HUB_CACHE"),
        "{message}"
    );
}
