//! What the log says of refused requests: how many and why, in one line a second at most, since a
//! line for each would cost more than the refusal.

use std::time::Duration;

use crate::metrics::{self, REFUSALS};

/// Least time between two lines.
const PAUSE: Duration = Duration::from_secs(1);

/// The reasons that are the client's mistake; such a request is refused whatever the load.
const CLIENTS_OWN: [&str; 2] = ["too_large", "unauthorized"];

/// Logs refusals for as long as the service runs.
pub async fn log() {
    let mut shedding = Shedding::default();
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Some(Shed { refused, why }) = shedding.since(metrics::refusals()) {
            tracing::warn!(refused, why, "requests are refused");
        }
    }
}

/// Remembers what has been told.
#[derive(Debug, Default)]
struct Shedding {
    told: [u64; REFUSALS.len()],
}

/// What is told of the time since the last line.
#[derive(Debug, PartialEq, Eq)]
struct Shed {
    /// Requests refused.
    refused: u64,
    /// How many of them for which reason.
    why: String,
}

impl Shedding {
    /// What has come since the last call, when `totals` have been refused altogether; none if
    /// nothing has.
    fn since(&mut self, totals: [u64; REFUSALS.len()]) -> Option<Shed> {
        let told = std::mem::replace(&mut self.told, totals);
        let new: Vec<(&str, u64)> = REFUSALS
            .into_iter()
            .zip(totals.into_iter().zip(told).map(|(total, told)| total - told))
            .filter(|&(reason, new)| new > 0 && !CLIENTS_OWN.contains(&reason))
            .collect();
        let refused = new.iter().map(|(_, new)| new).sum();
        let why: Vec<String> = new.iter().map(|(reason, new)| format!("{reason} {new}")).collect();
        (refused > 0).then(|| Shed { refused, why: why.join(", ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(refused: &[(&str, u64)]) -> [u64; REFUSALS.len()] {
        REFUSALS.map(|reason| {
            refused.iter().find(|(given, _)| *given == reason).map_or(0, |(_, count)| *count)
        })
    }

    #[test]
    fn each_line_tells_what_came_since_the_last() {
        let mut shedding = Shedding::default();
        assert_eq!(shedding.since(totals(&[])), None);
        let first = shedding.since(totals(&[("memory", 2), ("hopeless", 40)]));
        assert_eq!(first, Some(Shed { refused: 42, why: "hopeless 40, memory 2".to_owned() }));
        assert_eq!(shedding.since(totals(&[("memory", 2), ("hopeless", 40)])), None);
        let second = shedding.since(totals(&[("memory", 3), ("hopeless", 40)]));
        assert_eq!(second, Some(Shed { refused: 1, why: "memory 1".to_owned() }));
    }

    #[test]
    fn a_clients_mistake_is_not_shedding() {
        for reason in CLIENTS_OWN {
            assert_eq!(Shedding::default().since(totals(&[(reason, 7)])), None, "{reason}");
        }
    }
}
