//! Paths as text. Names of files are bytes that others chose.

use std::path::Path;

/// For a document: bytes that are no UTF-8 become U+FFFD.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// For a terminal: control characters, which could rewrite what stands there, and those that turn the
/// direction of text are escaped.
pub fn printable(path: &Path) -> String {
    let is_harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut printable = String::new();
    for c in path.to_string_lossy().chars() {
        if is_harmful(c) {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

    use super::*;

    #[test]
    fn what_could_rewrite_a_terminal_is_escaped_and_the_rest_is_left_alone() {
        let hostile = Path::new("a\u{1b}[2Jb\nc\u{202e}d");
        assert_eq!(printable(hostile), "a\\u{1b}[2Jb\\nc\\u{202e}d");
        assert_eq!(printable(Path::new("é 日本 'x'.jpg")), "é 日本 'x'.jpg");
        assert_eq!(text(Path::new(OsStr::from_bytes(b"a\xff"))), "a\u{fffd}");
    }
}
