//! How far a run over files is, on standard error: a bar where a person looks on, elsewhere a line
//! every ten seconds.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::files::walk::{Step, Walk};

/// From one line to the next.
const PAUSE: Duration = Duration::from_secs(10);

/// What became of the files so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub embedded: u64,
    pub known: u64,
    pub skipped: u64,
    pub failed: u64,
}

impl Counts {
    fn all(&self) -> u64 {
        self.embedded + self.known + self.skipped + self.failed
    }

    fn parts(&self) -> String {
        let parts = [
            (self.known, "from before"),
            (self.failed, "failed"),
            (self.skipped, "skipped, no images"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        parts.map(|(count, what)| format!(", {count} {what}")).collect()
    }
}

/// Tells how far a run is, until it is dropped.
pub(super) struct Progress {
    pub counts: Counts,
    begun: Instant,
    told: Instant,
    bar: Option<(ProgressBar, Arc<Total>)>,
}

/// How many files there are, as they are counted beside the run.
#[derive(Debug, Default)]
struct Total {
    files: AtomicU64,
    is_counted: AtomicBool,
    is_wanted_no_more: AtomicBool,
}

impl Progress {
    /// Of a run over `roots`.
    pub fn begin(roots: &[PathBuf]) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| (bar(), count(roots.to_vec())));
        let now = Instant::now();
        Self { counts: Counts::default(), begun: now, told: now, bar }
    }

    /// Tells, if it is time to.
    pub fn tell(&mut self) {
        match &self.bar {
            Some((bar, total)) => {
                if total.is_counted.load(Relaxed) {
                    bar.set_length(total.files.load(Relaxed));
                }
                bar.set_position(self.counts.all());
                bar.set_message(self.rate());
            }
            None if self.told.elapsed() >= PAUSE => {
                self.told = Instant::now();
                // Whoever closed standard error does not want to know.
                let _ = writeln!(std::io::stderr(), "{}", self.summary());
            }
            None => {}
        }
    }

    /// What was done, in a line.
    pub fn summary(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64();
        let Counts { embedded, .. } = self.counts;
        format!("{embedded} embedded in {seconds:.1} s ({}){}", self.rate(), self.counts.parts())
    }

    fn rate(&self) -> String {
        let seconds = self.begun.elapsed().as_secs_f64().max(0.001);
        format!("{:.1}/s", self.counts.embedded as f64 / seconds)
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some((bar, _)) => bar.println(line),
            None => {
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((bar, total)) = &self.bar {
            total.is_wanted_no_more.store(true, Relaxed);
            bar.finish_and_clear();
        }
    }
}

fn bar() -> ProgressBar {
    let template = "{wide_bar} {human_pos}/{human_len} files, {msg}, {eta} left";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

/// Counts the files on a thread of its own, by their names alone.
fn count(roots: Vec<PathBuf>) -> Arc<Total> {
    let total = Arc::new(Total::default());
    let counted = Arc::clone(&total);
    let walk = move || {
        for step in Walk::new(roots) {
            if counted.is_wanted_no_more.load(Relaxed) {
                return;
            }
            if matches!(step, Step::File { .. } | Step::Other(_)) {
                counted.files.fetch_add(1, Relaxed);
            }
        }
        counted.is_counted.store(true, Relaxed);
    };
    // Without the thread there is no end to be told, and all else goes on.
    let _ = std::thread::Builder::new().name("count".to_owned()).spawn(walk);
    total
}
