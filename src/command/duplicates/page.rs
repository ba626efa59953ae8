//! What was found, as one page that loads nothing from elsewhere: groups with thumbnails in it, for a
//! light or a dark screen. Everything that comes from a file's name is escaped.

use std::{
    fmt::Write as _,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::{Path, absolute},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use rayon::prelude::*;

use super::{
    found::{Found, FoundGroup, FoundMember},
    table::{picture, size},
    thumbnail::thumbnail,
};
use crate::{
    files::{names::printable, output::Pending},
    preprocess::{PhotoFacts, perceptual_hash::Likeness},
};

const STYLE: &str = include_str!("page.css");

/// Writes the page to `path`, group by group; it stands there when it is complete.
pub(super) fn write(path: &Path, found: &Found<'_>) -> io::Result<()> {
    let file = Pending::create(path)?;
    let mut page = file.writer()?;
    page.write_all(head(found).as_bytes())?;
    for (at, group) in found.groups.iter().enumerate() {
        page.write_all(section(at, group).as_bytes())?;
    }
    page.write_all(foot(found).as_bytes())?;
    page.flush()?;
    file.move_into_place()
}

fn head(found: &Found<'_>) -> String {
    let (groups, grouped, photos) = (found.groups.len(), found.grouped(), found.photos);
    let (unique, threshold) = (found.unique.len(), found.threshold);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'\">\n\
         <title>Duplicates: {groups} groups</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>Duplicates</h1>\n<dl>\n\
         <div><dt>groups</dt><dd>{groups}</dd></div>\n\
         <div><dt>photos in groups</dt><dd>{grouped}</dd></div>\n\
         <div><dt>without a duplicate</dt><dd>{unique}</dd></div>\n\
         <div><dt>photos in all</dt><dd>{photos}</dd></div>\n\
         <div><dt>least cosine</dt><dd>{threshold}</dd></div>\n\
         </dl>\n</header>\n<main>\n"
    )
}

fn section(at: usize, group: &FoundGroup<'_>) -> String {
    let (number, photos, least) = (at + 1, group.members.len(), group.least);
    let thumbnails: Vec<_> =
        group.members.par_iter().map(|member| thumbnail(member.path)).collect();
    let mut section = format!(
        "<section>\n<h2>Group {number} <small>{photos} photos, any two with a cosine of {least:.4} or \
         more</small></h2>\n<div class=\"photos\">\n"
    );
    for (member, thumbnail) in group.members.iter().zip(thumbnails) {
        section.push_str(&figure(member, thumbnail));
    }
    section.push_str("</div>\n</section>\n");
    section
}

fn figure(member: &FoundMember<'_>, thumbnail: Option<Vec<u8>>) -> String {
    let FoundMember { facts: PhotoFacts { width, height, .. }, cosine, bytes, best, .. } = *member;
    let path = printable(member.path);
    let (path, name) = (escaped(&path), escaped(path.rsplit('/').next().unwrap_or(&path)));
    let image = match thumbnail {
        Some(jpeg) => format!(
            "<img loading=\"lazy\" alt=\"{name}\" src=\"data:image/jpeg;base64,{}\">",
            STANDARD.encode(jpeg)
        ),
        None => "<span class=\"gone\">cannot be read any more</span>".to_owned(),
    };
    let (class, badge) = match (best, member.likeness) {
        (true, _) => (" class=\"best\"", "<b class=\"best\">best</b>".to_owned()),
        (false, likeness) => {
            let kind = if likeness == Likeness::Identical { "identical" } else { "near" };
            (
                "",
                format!(
                    "<b class=\"{kind}\">{}</b> <span>cosine {cosine:.4}</span>",
                    picture(member)
                ),
            )
        }
    };
    let (link, size) = (link(member.path), size(bytes));
    format!(
        "<figure{class}>\n<a href=\"{link}\">{image}</a>\n<figcaption>\n<p>{badge}</p>\n\
         <p class=\"name\" title=\"{path}\">{name}</p>\n\
         <p class=\"facts\">{width} × {height}, {size}</p>\n</figcaption>\n</figure>\n"
    )
}

fn foot(found: &Found<'_>) -> String {
    let mut foot = String::new();
    if found.groups.is_empty() {
        foot.push_str("<p class=\"none\">No two photos are that near.</p>\n");
    }
    if !found.failed.is_empty() {
        let _ = writeln!(
            foot,
            "<details>\n<summary>Not embedded: {}</summary>\n<ul>",
            found.failed.len()
        );
        for failure in found.failed {
            let _ = writeln!(foot, "<li>{}</li>", escaped(&failure.to_string()));
        }
        foot.push_str("</ul>\n</details>\n");
    }
    foot.push_str("</main>\n</body>\n</html>\n");
    foot
}

/// Text that is safe between tags and within quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The address of a file, in characters that mean nothing else anywhere.
fn link(path: &Path) -> String {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut link = "file://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => link.push(byte.into()),
            byte if byte.is_ascii_alphanumeric() => link.push(byte.into()),
            byte => {
                let _ = write!(link, "%{byte:02X}");
            }
        }
    }
    link
}
