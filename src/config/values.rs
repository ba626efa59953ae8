//! How the text of a setting becomes a value: names, numbers, sizes, times. Each parser says what
//! would be right where the text is wrong.

use std::{net::IpAddr, path::Path, str::FromStr, time::Duration};

use super::cgroup::{self, LimitOrigin, MemoryLimit};
use crate::{
    embedder::TextChoice,
    fetch::Hosts,
    kernels::Isa,
    model::{
        architecture::Activation,
        device::{DeviceChoice, Precision},
    },
    preprocess::{ExifOrientation, decode::MAX_PIXELS},
    telemetry::{LogFormat, LogLevel},
    upload::texts::MOST as MOST_INPUTS,
};

/// Names and what they mean; the first of several for one meaning is the one that is told.
pub(super) type Choices<T, const N: usize> = [(&'static str, T); N];

pub(super) const ACTIVATIONS: Choices<Option<Activation>, 3> =
    [("auto", None), ("gelu", Some(Activation::Gelu)), ("quick_gelu", Some(Activation::QuickGelu))];
pub(super) const DEVICES: Choices<DeviceChoice, 3> =
    [("auto", DeviceChoice::Auto), ("cpu", DeviceChoice::Cpu), ("cuda", DeviceChoice::Cuda)];
pub(super) const EXIF_ORIENTATIONS: Choices<ExifOrientation, 2> =
    [("ignore", ExifOrientation::Ignore), ("apply", ExifOrientation::Apply)];
pub(super) const LOG_FORMATS: Choices<LogFormat, 2> =
    [("text", LogFormat::Text), ("json", LogFormat::Json)];
pub(super) const LOG_LEVELS: Choices<LogLevel, 5> = [
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warning", LogLevel::Warning),
    ("warn", LogLevel::Warning),
    ("error", LogLevel::Error),
];
pub(super) const SWITCH: Choices<bool, 2> = [("on", true), ("off", false)];
/// None is `auto`.
pub(super) const PRECISIONS: Choices<Option<Precision>, 5> = [
    ("f32", Some(Precision::F32)),
    ("f16", Some(Precision::F16)),
    ("bf16", Some(Precision::Bf16)),
    ("int8", Some(Precision::Int8)),
    ("auto", None),
];

pub(super) const TEXTS: Choices<TextChoice, 3> =
    [("auto", TextChoice::OnDemand), ("on", TextChoice::On), ("off", TextChoice::Off)];
/// None is `auto`.
pub(super) const ISAS: Choices<Option<Isa>, 5> = [
    ("auto", None),
    ("avx512", Some(Isa::Avx512)),
    ("avx2", Some(Isa::Avx2)),
    ("neon", Some(Isa::Neon)),
    ("portable", Some(Isa::Portable)),
];

/// A number from 0 to 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

pub(super) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let chosen = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        chosen.map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("use one of: {}", names.join(", "))
        })
    }
}

pub(super) fn port_number(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "use a port number from 0 to 65535".to_owned())
}

pub(super) fn positive<T: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<T, String> {
    let number = text.parse().ok().filter(|number| *number >= T::from(1));
    number.ok_or_else(|| "use a whole number of 1 or more".to_owned())
}

/// Images of a request, no more of which than a list of texts is read to.
pub(super) fn images(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_INPUTS).contains(number));
    number.ok_or_else(|| format!("use a whole number from 1 to {MOST_INPUTS}"))
}

pub(super) fn pixels(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_PIXELS).contains(number));
    number.ok_or_else(|| format!("use a whole number from 1 to {MAX_PIXELS}"))
}

/// More threads than this are a slip of the pen: no machine that serves this model has them.
const MOST_THREADS: usize = 1024;

#[allow(clippy::disallowed_methods, reason = "the one place that the ban names")]
pub(super) fn threads(text: &str) -> Result<usize, String> {
    if text.eq_ignore_ascii_case("auto") {
        // Follows the CPU affinity and the cgroup's CPU limit, rounded down, at least 1.
        return Ok(std::thread::available_parallelism().map_or(1, usize::from));
    }
    let number = text.parse().ok().filter(|number| (1..=MOST_THREADS).contains(number));
    number.ok_or_else(|| format!("use auto or a whole number from 1 to {MOST_THREADS}"))
}

/// None is `auto`.
pub(super) fn workers(text: &str) -> Result<Option<usize>, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| (1..=MOST_THREADS).contains(number));
    number.map(Some).ok_or_else(|| format!("use auto or a whole number from 1 to {MOST_THREADS}"))
}

pub(super) fn memory_limit(text: &str) -> Result<MemoryLimit, String> {
    if text.eq_ignore_ascii_case("auto") {
        return Ok(cgroup::memory_limit(Path::new("/")));
    }
    match bytes(text) {
        Ok(bytes) => Ok(MemoryLimit { bytes: bytes as u64, origin: LimitOrigin::Setting }),
        Err(_) => Err("use auto or a size in bytes or with a unit, like 3GiB".to_owned()),
    }
}

pub(super) fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let is_name = !bare.is_empty()
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && bare.chars().any(|c| c.is_ascii_alphabetic());
    if bare.parse::<IpAddr>().is_ok() || is_name {
        Ok(bare.to_owned())
    } else {
        Err("use an IP address (127.0.0.1, 0.0.0.0, ::) or a host name".to_owned())
    }
}

/// More connections than a process can have descriptors for on common systems.
const MOST_CONNECTIONS: u32 = 1 << 20;

pub(super) fn connections(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=MOST_CONNECTIONS).contains(number));
    number.ok_or_else(|| format!("use a whole number from 1 to {MOST_CONNECTIONS}"))
}

/// A longer time than this is a slip of the pen, wherever one is set.
const LONGEST: Duration = Duration::from_secs(3600);

/// A number of bytes, with an optional unit: decimal `kB MB GB`, binary `KiB MiB GiB` or `Ki Mi Gi`.
pub(super) fn bytes(text: &str) -> Result<usize, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "kb" => Some(1_000),
        "mb" => Some(1_000_000),
        "gb" => Some(1_000_000_000),
        "ki" | "kib" => Some(1 << 10),
        "mi" | "mib" => Some(1 << 20),
        "gi" | "gib" => Some(1 << 30),
        _ => None,
    };
    let size = number.parse().ok().zip(factor).and_then(|(n, f): (usize, usize)| n.checked_mul(f));
    let reason = "use a size of 1 or more, in bytes or with a unit, like 268435456 or 256MiB";
    size.filter(|size| *size > 0).ok_or_else(|| reason.to_owned())
}

/// A time, with an optional unit: `ms`, `s`, `m` or `h`; seconds without one.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit.trim().to_ascii_lowercase().as_str() {
        "ms" => Some(1),
        "" | "s" => Some(1_000),
        "m" => Some(60_000),
        "h" => Some(LONGEST.as_millis() as u64),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let time = number.zip(milliseconds).and_then(|(n, ms)| n.checked_mul(ms));
    let time = time.map(Duration::from_millis).filter(|time| *time <= LONGEST);
    time.ok_or_else(|| {
        "use a time of up to an hour, in seconds or with a unit, like 3, 500ms or 2m".to_owned()
    })
}

/// A [`duration`] that is not 0.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.is_zero() { Err("use a time above 0, like 10s".to_owned()) } else { Ok(time) }
}

/// Hosts with commas between them; nothing is none.
pub(super) fn hosts(text: &str) -> Result<Hosts, String> {
    text.parse()
}
