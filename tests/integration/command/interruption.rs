//! A run that ends in the middle, by whatever, goes on where it stopped.

use std::{
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::{Tiny, status, text};

/// Photos that take a while: each twelve megapixels, and one thread for all.
const PHOTOS: usize = 60;

fn album() -> Tiny {
    let tiny = Tiny::new();
    tiny.photo("coffee-12mp.jpg", "album/000.jpg");
    let path = |at: usize| tiny.folder.path().join(format!("album/{at:03}.jpg"));
    (1..PHOTOS).for_each(|at| std::fs::hard_link(path(0), path(at)).unwrap());
    tiny
}

const EMBED: [&str; 6] = ["embed", "album", "-o", "out.npy", "--threads", "1"];

/// Begins a run, and returns when something of it is in the journal.
fn begun(tiny: &Tiny) -> Child {
    let journal = tiny.folder.path().join("out.npy.partial");
    let length = || std::fs::metadata(&journal).map_or(0, |metadata| metadata.len());
    // The first line has fewer bytes than that.
    let before = length().max(300);
    let child = tiny.command(&EMBED).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while length() <= before {
        assert!(Instant::now() < end, "nothing is written");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Runs the same command again, and holds what it says and writes against a run that was never
/// interrupted.
#[track_caller]
fn goes_on(tiny: &Tiny) {
    let output = tiny.run(&EMBED);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let [embedded, before] = counts(&output);
    assert!(before > 0 && embedded + before == PHOTOS, "{}", text(&output.stderr));
    assert!(!tiny.has("out.npy.partial"));
    let whole = tiny.run(&["embed", "album", "-o", "whole.npy"]);
    assert_eq!(counts(&whole), [PHOTOS, 0]);
    for suffix in ["", ".paths.jsonl"] {
        let [found, expected] =
            ["out", "whole"].map(|name| tiny.read(&format!("{name}.npy{suffix}")));
        assert!(found == expected, "{suffix}");
    }
}

/// How many were embedded, and how many before.
fn counts(output: &Output) -> [usize; 2] {
    let told = text(&output.stderr);
    // The lines before it said how far the run was.
    let line = told.lines().rfind(|line| line.contains(" embedded in ")).unwrap();
    let before = |what: &str| match line.split_once(what) {
        Some((before, _)) => before.rsplit(' ').next().unwrap().parse().unwrap(),
        None => 0,
    };
    [before(" embedded in "), before(" from before")]
}

#[test]
fn after_kill_nothing_torn_is_there_and_the_same_command_goes_on() {
    let tiny = album();
    let mut child = begun(&tiny);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!tiny.has("out.npy") && !tiny.has("out.npy.paths.jsonl"));
    goes_on(&tiny);
}

#[test]
fn ctrl_c_finishes_what_is_begun_says_how_to_go_on_and_exits_130() {
    let tiny = album();
    for (name, expected) in [("INT", 130), ("TERM", 143)] {
        let child = begun(&tiny);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(status(&output), expected, "{}", text(&output.stderr));
        let told = text(&output.stderr);
        for part in ["interrupted: ", "out.npy.partial", "the same command goes on"] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!tiny.has("out.npy"));
    }
    goes_on(&tiny);
}

#[test]
fn what_changed_in_between_is_embedded_again_and_what_is_gone_is_left_out() {
    let tiny = Tiny::new();
    tiny.photo("cat.png", "album/a.png");
    tiny.photo("rocket.webp", "album/b.webp");
    tiny.photo("cat.png", "album/c.png");
    // What fails keeps the journal.
    tiny.write("album/z.png", b"\x89PNG\r\n\x1a\n and no more");
    assert_eq!(status(&tiny.run(&EMBED)), 2);
    tiny.photo("coffee.bmp", "album/a.png");
    std::fs::remove_file(tiny.folder.path().join("album/b.webp")).unwrap();
    tiny.photo("rocket.webp", "album/bb.webp");
    std::fs::remove_file(tiny.folder.path().join("album/z.png")).unwrap();
    let output = tiny.run(&EMBED);
    assert_eq!((status(&output), counts(&output)), (0, [2, 1]), "{}", text(&output.stderr));
    tiny.run(&["embed", "album", "-o", "whole.npy"]);
    assert_eq!(tiny.read("out.npy"), tiny.read("whole.npy"));
    assert_eq!(tiny.read("out.npy.paths.jsonl"), tiny.read("whole.npy.paths.jsonl"));
}

#[test]
fn another_model_does_not_go_on_unless_it_starts_anew() {
    let tiny = Tiny::new();
    tiny.photo("cat.png", "album/a.png");
    tiny.write("album/z.png", b"\x89PNG\r\n\x1a\n and no more");
    assert_eq!(status(&tiny.run(&EMBED)), 2);
    let other = [&EMBED[..], &["--exif-orientation", "apply"]].concat();
    let output = tiny.run(&other);
    assert_eq!(status(&output), 1);
    assert!(text(&output.stderr).contains("--restart"), "{}", text(&output.stderr));
    let output = tiny.run(&[&other[..], &["--restart"]].concat());
    assert_eq!((status(&output), counts(&output)), (2, [1, 0]));
    tiny.write("out.parquet.partial", b"somebody else's");
    let output = tiny.run(&["embed", "album", "-o", "out.parquet", "--restart"]);
    assert_eq!(status(&output), 1);
    assert_eq!(tiny.read("out.parquet.partial"), b"somebody else's");
}
