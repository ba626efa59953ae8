//! `embed` writes what the service would answer, in every format, and tells what it could not do.

use serde_json::Value;

use super::{Tiny, status, text};
use crate::service::{Service, assert_near};

/// The lines of a document of JSON lines.
fn lines(bytes: &[u8]) -> Vec<Value> {
    text(bytes).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn paths(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["path"].as_str().unwrap()).collect()
}

fn vector(line: &Value) -> Vec<f32> {
    serde_json::from_value(line["embedding"].clone()).unwrap()
}

/// Photos of several formats in folders, and files that are none.
fn album() -> Tiny {
    let tiny = Tiny::new();
    tiny.photo("cat.png", "album/b/cat.png");
    tiny.photo("rocket.webp", "album/b/deep/rocket");
    tiny.photo("coffee.bmp", "album/a.txt");
    tiny.photo("cat.gif", "album/.hidden.gif");
    tiny.photo("cat-grey.jpg", "album/.trash/cat.jpg");
    tiny.write("album/notes.jpg", b"no image, whatever its name");
    tiny.write("album/empty.png", b"");
    tiny
}

const ALBUM: [&str; 3] = ["album/a.txt", "album/b/cat.png", "album/b/deep/rocket"];

#[test]
fn lines_on_standard_output_are_the_default_and_hold_what_the_service_answers() {
    let tiny = album();
    let output = tiny.run(&["embed", "album"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let found = lines(&output.stdout);
    assert_eq!(paths(&found), ALBUM);
    let service = Service::tiny(&[]);
    for (line, path) in found.iter().zip(ALBUM) {
        let photo = tiny.read(path);
        assert_eq!(line["bytes"], photo.len());
        let answer = service.post("/embed", "application/octet-stream", &photo);
        assert_near(&vector(line), &answer.embeddings()[0]);
        assert_eq!(line["hash"].as_str().unwrap().len(), 16);
    }
    assert_eq!((&found[1]["width"], &found[1]["height"]), (&451.into(), &300.into()));
    assert!(text(&output.stderr).contains("3 embedded in "), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("2 skipped, no images"), "{}", text(&output.stderr));
}

#[test]
fn every_format_holds_the_same_and_nothing_else_is_left() {
    let tiny = album();
    let reference = lines(&tiny.run(&["embed", "album"]).stdout);
    let vectors: Vec<f32> = reference.iter().flat_map(vector).collect();
    for (arguments, name) in [
        (&["-o", "out.jsonl"][..], "out.jsonl"),
        (&["--output", "out.npy"], "out.npy"),
        (&["--output", "out.parquet"], "out.parquet"),
        (&["--output", "vectors", "--format", "npy"], "vectors"),
    ] {
        let output = tiny.run(&[&["embed", "album"], arguments].concat());
        assert_eq!(status(&output), 0, "{name}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
        assert!(!tiny.has(&format!("{name}.partial")) && !tiny.has(&format!("{name}.new")));
    }
    assert_eq!(lines(&tiny.read("out.jsonl")), reference);
    for name in ["out.npy", "vectors"] {
        let bytes = tiny.read(name);
        let numbers =
            bytes[128..].chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        assert_eq!(numbers.collect::<Vec<_>>(), vectors, "{name}");
        assert!(text(&bytes[10..128]).contains("'shape': (3, 8)"));
        assert_eq!(paths(&lines(&tiny.read(&format!("{name}.paths.jsonl")))), ALBUM);
    }
    assert!(tiny.read("out.parquet").starts_with(b"PAR1"));
}

#[test]
fn what_fails_is_listed_at_the_end_and_tried_again_the_next_time() {
    let tiny = album();
    let whole = tiny.read("album/b/cat.png");
    tiny.write("album/b/broken.png", &whole[..500]);
    let output = tiny.run(&["embed", "album", "album/notes.jpg", "-o", "out.jsonl"]);
    assert_eq!(status(&output), 2, "{}", text(&output.stderr));
    let told = text(&output.stderr);
    let list = told.split_once("not embedded:\n").unwrap().1;
    assert!(list.contains("  album/b/broken.png: the PNG file is truncated"), "{told}");
    assert!(!list.contains("notes.jpg"), "found in a folder first: {told}");
    assert!(told.contains("3 embedded") && told.contains("1 failed"), "{told}");
    assert_eq!(paths(&lines(&tiny.read("out.jsonl"))), ALBUM);
    tiny.write("album/b/broken.png", &whole);
    let output = tiny.run(&["embed", "album", "-o", "out.jsonl"]);
    assert_eq!(status(&output), 0);
    assert!(text(&output.stderr).contains("1 embedded"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("3 from before"), "{}", text(&output.stderr));
    assert_eq!(lines(&tiny.read("out.jsonl")).len(), 4);
    assert!(!tiny.has("out.jsonl.partial"));
}

#[test]
fn a_file_that_is_named_must_be_an_image() {
    let tiny = album();
    let output = tiny.run(&["embed", "album/notes.jpg", "album/.hidden.gif"]);
    assert_eq!(status(&output), 2);
    assert!(text(&output.stderr).contains("album/notes.jpg: not an image"));
    assert_eq!(paths(&lines(&output.stdout)), ["album/.hidden.gif"]);
    let output = tiny.run(&["embed", "album/b", "--max-body-bytes", "100kB"]);
    assert_eq!(status(&output), 2);
    let told = text(&output.stderr);
    assert!(told.contains("cat.png: the file has 223403 bytes, more than 100000"), "{told}");
    assert_eq!(lines(&output.stdout).len(), 1);
}

#[test]
fn a_folder_without_images_gives_an_empty_file() {
    let tiny = Tiny::new();
    tiny.write("album/notes.txt", b"text");
    for name in ["out.npy", "out.parquet", "out.jsonl"] {
        let output = tiny.run(&["embed", "album", "-o", name]);
        assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    }
    assert!(text(&tiny.read("out.npy")[10..]).contains("(0, 8)"));
    assert!(tiny.read("out.jsonl").is_empty());
}

#[test]
fn a_command_line_that_cannot_be_used_exits_64_and_says_what_can() {
    let tiny = album();
    for (arguments, part) in [
        (&["embed"][..], "<PATH>..."),
        (&["embed", "album", "-o", "out.csv"], ".npy, .parquet or .jsonl"),
        (&["embed", "album", "-o", "album"], "--format"),
        (&["embed", "album", "-o", "album", "--format", "npy"], "is a folder"),
        (&["embed", "album", "--format", "npy"], "name a file"),
        (&["embed", "album", "--format", "csv"], "possible values"),
        (&["embed", "album", "--threads", "none"], "--threads"),
    ] {
        let output = tiny.run(arguments);
        assert_eq!(status(&output), 64, "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn what_is_not_there_exits_1_and_is_named() {
    let tiny = album();
    for (arguments, part) in [
        (&["embed", "album", "albun"][..], "albun: No such file"),
        (&["embed", "album", "-o", "nowhere/out.npy"], "nowhere/out.npy.partial: No such file"),
        (&["embed", "album", "--model-name", "local-dir:gone"], "gone"),
    ] {
        let output = tiny.run(arguments);
        assert_eq!(status(&output), 1, "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_name_that_could_rewrite_the_terminal_is_told_escaped() {
    let tiny = Tiny::new();
    tiny.write("album/\u{1b}[2J\nx.png", b"\x89PNG\r\n\x1a\n and no more");
    let output = tiny.run(&["embed", "album"]);
    assert_eq!(status(&output), 2);
    let told = text(&output.stderr);
    assert!(told.contains("album/\\u{1b}[2J\\nx.png: the PNG file"), "{told}");
    assert!(!told.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_ends_the_run_without_a_word() {
    let tiny = album();
    let output = tiny.run_unread(&["embed", "album"]);
    assert_eq!(status(&output), 1);
    assert_eq!(text(&output.stderr), "");
}
