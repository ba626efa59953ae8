//! Shows how far a download is: a bar on a terminal, elsewhere a log line for every tenth that is
//! done.

use std::{fmt, io::IsTerminal, sync::Arc, time::Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const MEGABYTE: f64 = 1e6;

/// One line of progress; its `Display` is the text of the log line.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the file within its repository.
    pub file: String,
    /// Bytes on disk so far.
    pub done: u64,
    /// Bytes of the whole file.
    pub total: u64,
    /// Mean since the download began, what an earlier one left not counted.
    pub bytes_per_second: f64,
}

impl Step {
    /// Whole percent, rounded down.
    pub fn percent(&self) -> u64 {
        percent(self.done, self.total)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [done, total] = [self.done, self.total].map(|bytes| bytes as f64 / MEGABYTE);
        let (file, percent, rate) = (&self.file, self.percent(), self.bytes_per_second / MEGABYTE);
        write!(f, "downloading {file}: {percent} %, {done:.1} of {total:.1} MB, {rate:.1} MB/s")
    }
}

/// Where progress goes.
#[derive(Clone)]
pub enum Report {
    /// A bar on standard error.
    Bar,
    /// A call for every tenth of a file.
    Lines(Arc<dyn Fn(&Step) + Send + Sync>),
}

impl Report {
    /// A bar if standard error is a terminal, else lines in the log.
    pub fn for_stderr() -> Self {
        if std::io::stderr().is_terminal() { Self::Bar } else { Self::Lines(Arc::new(log)) }
    }

    /// Begins with a file of which `from` bytes are there already. Without a size there is nothing
    /// to tell.
    pub(super) fn begin(&self, file: &str, from: u64, total: Option<u64>) -> Meter {
        match (self, total) {
            (_, None) => Meter::Silent,
            (Self::Bar, Some(total)) => Meter::Bar(bar(file, from, total)),
            (Self::Lines(tell), Some(total)) => {
                Meter::Lines(Lines::new(Arc::clone(tell), file, from, total))
            }
        }
    }
}

/// Follows one file.
pub(super) enum Meter {
    Silent,
    Bar(ProgressBar),
    Lines(Lines),
}

impl Meter {
    /// `done` bytes are on disk; fewer than before when the download had to start over.
    pub(super) fn at(&mut self, done: u64) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => bar.set_position(done),
            Self::Lines(lines) => lines.at(done),
        }
    }

    pub(super) fn finish(self) {
        if let Self::Bar(bar) = self {
            bar.finish();
        }
    }
}

pub(super) struct Lines {
    tell: Arc<dyn Fn(&Step) + Send + Sync>,
    step: Step,
    from: u64,
    begun: Instant,
}

impl Lines {
    fn new(tell: Arc<dyn Fn(&Step) + Send + Sync>, file: &str, from: u64, total: u64) -> Self {
        let step = Step { file: file.to_owned(), done: from, total, bytes_per_second: 0.0 };
        Self { tell, step, from, begun: Instant::now() }
    }

    fn at(&mut self, done: u64) {
        let tenth_before = self.step.percent() / 10;
        self.from = self.from.min(done);
        self.step.done = done;
        if self.step.percent() / 10 > tenth_before {
            let seconds = self.begun.elapsed().as_secs_f64().max(f64::EPSILON);
            self.step.bytes_per_second = (done - self.from) as f64 / seconds;
            (self.tell)(&self.step);
        }
    }
}

fn percent(done: u64, total: u64) -> u64 {
    let percent = u128::from(done) * 100 / u128::from(total.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX)
}

fn bar(file: &str, from: u64, total: u64) -> ProgressBar {
    let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar =
        ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style);
    bar.with_message(file.to_owned()).with_position(from)
}

fn log(step: &Step) {
    tracing::info!(file = %step.file, percent = step.percent(), "{step}");
}
