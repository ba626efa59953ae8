//! How the text of a flag becomes a value. Each parser says what would be right where the text is
//! wrong.

use std::{collections::BTreeSet, time::Duration};

use super::Route;
use crate::bench::photos::{Format, LARGEST_SIDE};

pub(super) fn route(text: &str) -> Result<Route, String> {
    let known = Route::ALL.into_iter().find(|route| route.path() == text);
    known.ok_or_else(|| format!("use one of: {}", Route::ALL.map(Route::path).join(", ")))
}

pub(super) fn format(text: &str) -> Result<Format, String> {
    match text.to_ascii_lowercase().as_str() {
        "jpeg" => Ok(Format::Jpeg { progressive: false }),
        "png" => Ok(Format::Png),
        _ => Err("use one of: jpeg, png".to_owned()),
    }
}

/// More than this of anything is a slip of the pen.
const MOST: usize = 1_000_000_000;

pub(super) fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("use a whole number from 1 to {MOST}"))
}

/// Requests a second. tokio's clock has steps of a millisecond; above a few thousand a second
/// requests go out in small bursts, and this program is what is measured.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|rate| (0.001..=100_000.0).contains(rate));
    number.ok_or_else(|| "use a number of requests a second from 0.001 to 100000".to_owned())
}

pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=LARGEST_SIDE).contains(side));
    let sides = text.split_once(['x', 'X']).and_then(|(w, h)| side(w).zip(side(h)));
    sides.ok_or_else(|| {
        format!("use width and height from 1 to {LARGEST_SIDE}, like 224x224 or 4000x3000")
    })
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "ms" => Some(0.001),
        "s" => Some(1.0),
        "m" | "min" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let seconds = digits.parse().ok().zip(unit).map(|(number, unit): (f64, f64)| number * unit);
    seconds
        .filter(|seconds| (0.0..=1e6).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "use a time with its unit, like 500ms, 30s, 5m or 1h".to_owned())
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    let longer = |time: &Duration| *time >= Duration::from_millis(1);
    let reason = || "use a time of at least 1ms, with its unit, like 500ms, 30s or 5m".to_owned();
    duration(text).ok().filter(longer).ok_or_else(reason)
}

pub(super) fn statuses(text: &str) -> Result<BTreeSet<u16>, String> {
    let status = |text: &str| text.trim().parse().ok().filter(|code| (100..=599).contains(code));
    let all: Option<BTreeSet<u16>> = text.split(',').map(status).collect();
    all.ok_or_else(|| "use statuses with commas between them, like 200,429".to_owned())
}
