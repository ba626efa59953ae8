//! `duplicates` finds the copies, tells them in three forms, and trusts no file name.

use serde_json::Value;

use super::{Tiny, status, text};

/// Two photos with copies, and one without.
fn album() -> Tiny {
    let tiny = Tiny::new();
    for (image, name) in [
        ("cat.png", "album/a/cat.png"),
        ("cat-thumbnail.jpg", "album/a/small.jpg"),
        ("cat.png", "album/b/copy.png"),
        ("coffee-422-q50.jpg", "album/coffee.jpg"),
        ("coffee-exif-rotated.jpg", "album/coffee-again.jpg"),
        ("rocket-tall.png", "album/rocket.png"),
    ] {
        tiny.photo(image, name);
    }
    tiny
}

/// The tiny model sees little, so near is nearer than with a real one.
const DUPLICATES: [&str; 4] = ["duplicates", "album", "--threshold", "0.9999"];

fn json(tiny: &Tiny, arguments: &[&str]) -> Value {
    let output = tiny.run(arguments);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn members(group: &Value) -> Vec<&str> {
    let members = group["members"].as_array().unwrap();
    members.iter().map(|member| member["path"].as_str().unwrap()).collect()
}

#[test]
fn json_has_groups_with_their_best_and_the_others_from_near_to_far() {
    let tiny = album();
    let found = json(&tiny, &[&DUPLICATES[..], &["--json"]].concat());
    assert_eq!((&found["threshold"], &found["photos"]), (&0.9999.into(), &6.into()));
    let groups = found["groups"].as_array().unwrap();
    let cats = groups.iter().find(|group| members(group).contains(&"album/a/cat.png")).unwrap();
    assert_eq!(members(cats)[..2], ["album/a/cat.png", "album/b/copy.png"]);
    let copy = &cats["members"][1];
    for (key, expected) in [
        ("best", false.into()),
        ("width", 451.into()),
        ("height", 300.into()),
        ("bytes", 223_403.into()),
        ("cosine", 1.0.into()),
        ("nearest", 1.0.into()),
        ("hash_distance", 0.into()),
        ("likeness", "identical".into()),
    ] as [(&str, Value); 8]
    {
        assert_eq!(copy[key], expected, "{key}: {copy}");
    }
    assert_eq!(cats["members"][0]["best"], true);
    assert_eq!((copy["hash"].as_str().unwrap().len(), cats["least"].is_f64()), (16, true));
    let grouped: usize = groups.iter().map(|group| members(group).len()).sum();
    assert_eq!(grouped + found["unique"].as_array().unwrap().len(), 6);
    assert_eq!((&found["failed"], &found["skipped"]), (&Value::Array(Vec::new()), &0.into()));
}

#[test]
fn a_threshold_of_1_finds_copies_alone_and_the_table_says_how_much_there_was() {
    let tiny = album();
    let output = tiny.run(&["duplicates", "album", "--threshold", "1"]);
    assert_eq!(status(&output), 0);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert_eq!(lines[0], "group 1: 2 photos, any two with a cosine of 1.0000 or more");
    let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(cells(lines[1]), ["best", "451x300", "223", "kB", "album/a/cat.png"]);
    let copy = ["1.0000", "identical,", "0", "bits", "451x300", "223", "kB", "album/b/copy.png"];
    assert_eq!(cells(lines[2]), copy);
    let last = "1 group with 2 of 6 photos, 4 without a duplicate; threshold 1";
    assert_eq!(lines[4..], [last]);
}

#[test]
fn the_reference_photos_are_grouped_by_what_they_show() {
    let images = crate::support::reference().join("images");
    let output = crate::service::binary()
        .args(["duplicates", "--pretrained", "random", "--json", "--threshold", "0.95"])
        .arg(&images)
        .output()
        .unwrap();
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let groups: Vec<Vec<String>> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| {
            let strip = |path: &str| path.rsplit('/').next().unwrap().to_owned();
            members(group).into_iter().map(strip).collect()
        })
        .collect();
    let best: Vec<_> = groups.iter().map(|group| group[0].as_str()).collect();
    let expected =
        ["astronaut-rgba.png", "cat.png", "cat-grey-16bit.png", "coffee-12mp.jpg", "rocket.webp"];
    assert_eq!(best, expected);
    for group in &groups {
        let what = group[0].split(['-', '.']).next().unwrap();
        assert!(group.iter().all(|name| name.starts_with(what)), "{groups:?}");
    }
    assert_eq!(found["unique"].as_array().unwrap().len(), 2, "{}", found["unique"]);
}

#[test]
fn the_page_is_complete_in_itself_and_hostile_names_are_text() {
    let tiny = Tiny::new();
    let names = [
        "<img src=x onerror=alert(1)>.png",
        "\"onmouseover=\"alert(2)\" x=\".png",
        "'><script>alert(3)<",
        "&lt;b&gt;.png",
        "new\nline\u{1b}[31m\u{202e}.png",
        "%3Cb%3E javascript:alert(4).png",
    ];
    names.iter().for_each(|name| tiny.photo("cat.png", &format!("album/{name}")));
    tiny.write("album/<b>broken</b>.jpg", b"\xff\xd8\xff and no more");
    let output = tiny.run(&["duplicates", "album", "--html", "report.html"]);
    assert_eq!(status(&output), 2, "{}", text(&output.stderr));
    let page = tiny.read("report.html");
    let page = text(&page);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert_eq!(page.matches("src=\"data:image/jpeg;base64,/9j/").count(), names.len());
    assert!(page.contains("default-src 'none'") && page.contains("prefers-color-scheme: dark"));
    // What stands in the page are tags of ours, and none has an attribute that a name has made.
    for tag in page.split('<').skip(1) {
        let name = tag.trim_start_matches('/').split([' ', '>', '\n']).next().unwrap();
        let known = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "header",
            "h1",
            "h2",
            "dl",
            "div",
            "dt",
            "dd",
            "main",
            "section",
            "small",
            "figure",
            "a",
            "img",
            "figcaption",
            "p",
            "b",
            "span",
            "details",
            "summary",
            "ul",
            "li",
        ];
        assert!(known.contains(&name), "<{tag}");
        let tag = tag.split('>').next().unwrap();
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}");
        let outside: String = tag.split('"').step_by(2).collect();
        assert!(!outside.contains("onerror") && !outside.contains("onmouseover"), "<{tag}");
    }
    for link in page.split("href=\"").skip(1) {
        let link = link.split('"').next().unwrap();
        assert!(link.starts_with("file:///") && !link[7..].contains([':', '\'', ' ']), "{link}");
    }
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;.png"));
    assert!(page.contains("&amp;lt;b&amp;gt;.png"));
    assert!(page.contains("&lt;b&gt;broken&lt;/b&gt;.jpg: the JPEG file"));
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
    assert!(!text(&output.stdout).contains(['\u{1b}', '\u{202e}']));
    assert!(!tiny.has("report.html.new"));
}

#[test]
fn a_page_without_groups_says_so() {
    let tiny = Tiny::new();
    tiny.photo("cat.png", "cat.png");
    let output = tiny.run(&["duplicates", "cat.png", "--html", "report.html"]);
    assert_eq!(status(&output), 0);
    assert!(text(&tiny.read("report.html")).contains("No two photos are that near."));
    assert!(text(&output.stdout).starts_with("0 groups with 0 of 1 photos"));
}

#[test]
fn what_embed_has_written_is_taken_instead_of_photos() {
    let tiny = album();
    let expected = json(&tiny, &[&DUPLICATES[..], &["--json"]].concat());
    for name in ["out.npy", "out.jsonl"] {
        assert_eq!(status(&tiny.run(&["embed", "album", "-o", name])), 0);
        let arguments = ["duplicates", "--from", name, "--threshold", "0.9999", "--json"];
        assert_eq!(json(&tiny, &arguments), expected, "{name}");
    }
    for (arguments, code, part) in [
        (&["duplicates", "--from", "gone.npy"][..], 1, "gone.npy: No such file"),
        (&["duplicates", "--from", "out.npy", "album"], 64, "--from"),
        (&["duplicates"], 64, "PATH"),
        (&["duplicates", "album", "--threshold", "95"], 64, "from -1 to 1"),
        (&["duplicates", "album", "--html", "album"], 64, "is a folder"),
    ] {
        let output = tiny.run(arguments);
        assert_eq!(status(&output), code, "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains(part), "{arguments:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let tiny = album();
    for arguments in [&["duplicates", "album"][..], &["duplicates", "album", "--json"]] {
        let output = tiny.run_unread(arguments);
        assert_eq!((status(&output), text(&output.stderr)), (1, ""), "{arguments:?}");
    }
}
