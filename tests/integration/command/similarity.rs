//! `similarity` says how near photos are.

use serde_json::Value;

use super::{Tiny, status, text};

fn photos() -> Tiny {
    let tiny = Tiny::new();
    tiny.photo("cat.png", "cat.png");
    tiny.photo("cat-thumbnail.jpg", "small.jpg");
    tiny.photo("rocket.webp", "rocket.webp");
    tiny
}

#[test]
fn two_photos_have_a_cosine_and_a_distance() {
    let tiny = photos();
    let output = tiny.run(&["similarity", "cat.png", "small.jpg"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    let [cosine, distance] = lines[..] else { panic!("{lines:?}") };
    let cosine: f64 = cosine.strip_prefix("cosine ").unwrap().trim().parse().unwrap();
    assert!((0.9..=1.).contains(&cosine), "{cosine}");
    assert_eq!(distance, "hash distance  0 of 64 bits (identical)");
}

#[test]
fn several_have_a_table_and_json_has_the_same() {
    let tiny = photos();
    let all = ["similarity", "cat.png", "small.jpg", "rocket.webp"];
    let output = tiny.run(&all);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.starts_with("   1  cat.png\n   2  small.jpg\n   3  rocket.webp\n\ncosine\n"));
    let output = tiny.run(&[&all[..], &["--json"]].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str, a: usize, b: usize| found[name][a][b].as_f64().unwrap();
    for a in 0..3 {
        assert_eq!((number("cosines", a, a), number("hash_distances", a, a)), (1., 0.));
        for b in 0..3 {
            assert_eq!(number("cosines", a, b), number("cosines", b, a));
            assert!(table.contains(&format!("{:.4}", number("cosines", a, b))), "{table}");
        }
    }
    assert!(number("hash_distances", 0, 2) > 10.);
    let photo = &found["photos"][2];
    assert_eq!((&photo["path"], &photo["width"]), (&"rocket.webp".into(), &640.into()));
}

#[test]
fn a_photo_that_cannot_be_embedded_is_named() {
    let tiny = photos();
    tiny.write("notes.txt", b"no image");
    let output = tiny.run(&["similarity", "cat.png", "notes.txt"]);
    assert_eq!((status(&output), text(&output.stdout)), (1, ""));
    assert!(text(&output.stderr).contains("notes.txt: not an image"), "{}", text(&output.stderr));
    assert_eq!(status(&tiny.run(&["similarity", "cat.png"])), 64);
    let output = tiny.run(&["similarity", "cat.png", "cat.png"]);
    assert_eq!(status(&output), 1);
    assert!(text(&output.stderr).contains("not two photos"), "{}", text(&output.stderr));
    let unread = tiny.run_unread(&["similarity", "cat.png", "small.jpg"]);
    assert_eq!((status(&unread), text(&unread.stderr)), (1, ""));
}
