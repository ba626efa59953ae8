//! A line on standard error while a run goes on: each second where a person looks on, each ten
//! seconds in a log.

use std::{
    io::{IsTerminal, Write},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::schedule::Run;

/// Says how the run stands, until it is dropped.
pub async fn tell(run: &Run) {
    let terminal = std::io::stderr().is_terminal();
    let pause = Duration::from_secs(if terminal { 1 } else { 10 });
    loop {
        sleep(pause).await;
        // Whoever closed standard error does not want to know.
        let _ = write!(std::io::stderr(), "{}", line(run, terminal));
    }
}

/// Clears the last line on a terminal, where the report is about to stand.
pub fn clear() {
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

fn line(run: &Run, terminal: bool) -> String {
    let now = Instant::now();
    let text = if now < run.begin {
        format!("warming up, {} s left", (run.begin - now).as_secs() + 1)
    } else {
        let tally = run.tally();
        let ok = tally.statuses.get(&200).copied().unwrap_or_default();
        format!(
            "{} s: {ok} answered 200 ({:.1}/s), {} otherwise, {} failed, {} running",
            (now - run.begin).as_secs(),
            tally.good as f64 / tally.measured(now).as_secs_f64().max(0.001),
            tally.answers() - ok,
            tally.failed() + tally.not_sent,
            tally.unfinished(),
        )
    };
    if terminal { format!("\r\x1b[K{text}") } else { format!("{text}\n") }
}
