//! `inference-service embed PATH...`: the embeddings of all photos in files and folders, in a file or
//! on standard output, without a service.

mod options;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::Arc,
};

use clap::ArgMatches;
pub(super) use options::command;
use options::{Options, Target};

use super::{
    in_process::{self, SOME_FAILED},
    progress::Progress,
    signals::Signals,
};
use crate::{
    config::Config,
    embedder::Embedder,
    files::{
        Failures, Outcome, Record, RunError, Stop,
        journal::{Journal, JournalError, Origin},
        names::printable,
        output::{self, beside},
        run,
        walk::Walk,
    },
    model::ModelInfo,
    preprocess::ExifOrientation,
};

/// Why a run cannot be done, or was not.
#[derive(Debug, thiserror::Error)]
enum EmbedError {
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("{path}: {error}")]
    Output { path: String, error: io::Error },
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    done(matches).unwrap_or_else(|status| status)
}

fn done(matches: &ArgMatches) -> Result<ExitCode, ExitCode> {
    let options = Options::of(matches)?;
    let config = in_process::config("embed", matches)?;
    let embedder = in_process::load(&config)?;
    match in_process::block_on(embed(&embedder, &config, options))? {
        Ok(status) => Ok(status),
        // Nobody reads standard output any more, as after `| head`.
        Err(EmbedError::Run(RunError::Outcome(error)))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            Err(ExitCode::FAILURE)
        }
        Err(error) => Err(super::fail(&error)),
    }
}

async fn embed(
    embedder: &Embedder,
    config: &Config,
    options: Options,
) -> Result<ExitCode, EmbedError> {
    let signals = Signals::listen().map_err(EmbedError::Signals)?;
    let mut sink = Sink::open(&options, &embedder.info(), config)?;
    let mut progress = Progress::begin(&options.paths);
    let mut failures = Failures::default();
    let walk = Walk::new(options.paths.clone());
    let most_bytes = config.limits.body_bytes as u64;
    let known = sink.known();
    run(embedder, walk, most_bytes, known, &signals.stop, |outcome| {
        match outcome {
            Outcome::Embedded(record) => {
                sink.take(&record)?;
                progress.counts.embedded += 1;
            }
            Outcome::Known(place) => {
                sink.order.push(place);
                progress.counts.known += 1;
            }
            Outcome::Skipped => progress.counts.skipped += 1,
            Outcome::Failed(failure) => {
                progress.counts.failed += 1;
                if let Some(failure) = failures.add(failure) {
                    progress.say(&failure.to_string());
                }
            }
            Outcome::Left => {}
        }
        progress.tell();
        Ok(())
    })
    .await?;
    let summary = progress.summary();
    drop(progress);
    if let Some(status) = signals.ended() {
        return Ok(interrupted(&options, &summary, status));
    }
    let has_failed = failures.count() > 0;
    let finished = sink.finish(&options, has_failed, &signals.stop).await;
    match (finished, signals.ended()) {
        (Err(_), Some(status)) => return Ok(interrupted(&options, &summary, status)),
        (finished, _) => finished?,
    }
    tell(&options, &summary, &failures);
    Ok(if has_failed { ExitCode::from(SOME_FAILED) } else { ExitCode::SUCCESS })
}

/// Where records go.
struct Sink {
    /// None where they go to standard output.
    journal: Option<Arc<Journal>>,
    /// The places of the records in the journal, in the order of the walk.
    order: Vec<u64>,
    dim: usize,
}

impl Sink {
    fn open(options: &Options, info: &ModelInfo, config: &Config) -> Result<Self, EmbedError> {
        let dim = info.embedding_dim;
        let journal = match &options.target {
            Target::Lines => None,
            Target::File(path, _) => {
                let origin = Origin::new(model(info, config.exif_orientation), dim);
                let path = beside(path, JOURNAL);
                Some(Arc::new(Journal::open(&path, &origin, options.restart)?))
            }
        };
        Ok(Self { journal, order: Vec::new(), dim })
    }

    /// What was embedded before.
    fn known(&self) -> Option<Arc<Journal>> {
        self.journal.clone().filter(|journal| journal.known() > 0)
    }

    fn take(&mut self, record: &Record) -> io::Result<()> {
        match &self.journal {
            Some(journal) => self.order.push(journal.append(record)?),
            None => {
                // A line at a time, so that nobody who reads along sees half of one.
                let mut line = Vec::new();
                output::line(&mut line, record, true)?;
                io::stdout().lock().write_all(&line)?;
            }
        }
        Ok(())
    }

    /// Makes the file of the journal, and removes that unless it is needed to try again.
    async fn finish(self, options: &Options, keep: bool, stop: &Stop) -> Result<(), EmbedError> {
        let (Some(journal), Target::File(path, format)) = (self.journal, &options.target) else {
            return Ok(());
        };
        let (to, format, order) = (path.clone(), *format, self.order);
        let shape = [order.len(), self.dim];
        let stop = stop.clone();
        let write = move || {
            let records = order.iter().map(|place| match stop.is_wanted() {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => journal.read(*place),
            });
            output::write(&to, format, shape, records)?;
            if keep { Ok(()) } else { journal.remove() }
        };
        let written = tokio::task::spawn_blocking(write).await.map_err(io::Error::other);
        written
            .flatten()
            .map_err(|error| EmbedError::Output { path: path.display().to_string(), error })
    }
}

/// What a journal's name has after the output's.
const JOURNAL: &str = ".partial";

/// What decides what a vector is.
fn model(info: &ModelInfo, orientation: ExifOrientation) -> String {
    let ModelInfo { model_name, pretrained, activation, precision, .. } = info;
    let turned = match orientation {
        ExifOrientation::Ignore => "",
        ExifOrientation::Apply => ", turned upright",
    };
    format!("{model_name} {pretrained}, {activation}, {precision}{turned}")
}

/// Lists what failed, and says what was done.
fn tell(options: &Options, summary: &str, failures: &Failures) {
    let mut text = failures.list();
    text.push_str(summary);
    if let Target::File(path, _) = &options.target {
        text.push_str(&format!(": {}\n", printable(path)));
        if failures.count() > 0 {
            let journal = printable(&beside(path, JOURNAL));
            text.push_str(&format!(
                "The same command tries those again that failed; the rest is kept in {journal}, \
                 which may be removed.\n"
            ));
        }
    } else {
        text.push('\n');
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

fn interrupted(options: &Options, summary: &str, status: ExitCode) -> ExitCode {
    let goes_on = match &options.target {
        Target::File(path, _) => {
            let journal = printable(&beside(path, JOURNAL));
            format!("; kept in {journal}: the same command goes on from there")
        }
        Target::Lines => String::new(),
    };
    let _ = writeln!(io::stderr(), "interrupted: {summary}{goes_on}");
    status
}
