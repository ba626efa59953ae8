//! Messages about a body, cut short: serde's hold the whole of a value that is wrong, which may be most
//! of a body.

use std::fmt::{self, Display, Write};

/// Bytes of a message that are kept of its beginning, and of its end, where what was expected stands.
const KEPT: [usize; 2] = [120, 80];

/// The text of `message`, of one that is long the beginning and the end. No more than that is ever
/// written.
pub(super) fn short(message: &impl Display) -> String {
    let mut ends = Ends::default();
    // Nothing that is written to fails.
    let _ = write!(ends, "{message}");
    let Ends { mut head, tail, cut } = ends;
    if cut {
        head.push_str(" ... ");
    }
    head + &tail
}

#[derive(Default)]
struct Ends {
    head: String,
    tail: String,
    /// Whether there was something between them.
    cut: bool,
}

impl Write for Ends {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let [first, last] = KEPT;
        // Once something has gone to the tail, all that follows does.
        let room = if self.tail.is_empty() { first - self.head.len() } else { 0 };
        let (head, rest) = text.split_at(text.floor_char_boundary(room));
        self.head.push_str(head);
        let end = rest.ceil_char_boundary(rest.len().saturating_sub(last));
        if end > 0 {
            self.cut |= !self.tail.is_empty();
            self.tail.clear();
        }
        self.tail.push_str(&rest[end..]);
        let over = self.tail.ceil_char_boundary(self.tail.len().saturating_sub(last));
        self.tail.drain(..over);
        self.cut |= end + over > 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_keeps_its_beginning_and_its_end() {
        for text in ["", "short", &"a".repeat(200)] {
            assert_eq!(short(&text), text);
        }
        let text = format!("begins {}", "x".repeat(1 << 20));
        let found = short(&format_args!("{text} at line {}, column {}", 1, 2));
        assert!(found.starts_with("begins xx"), "{found}");
        assert!(found.ends_with("x at line 1, column 2") && found.len() < 210, "{found}");
        for text in ["\u{e9}".repeat(500), format!("a{}", "\u{1f600}".repeat(300))] {
            assert!(short(&text).len() < 210);
        }
    }
}
