//! Leads the files of a walk through the embedder, with enough of them in flight that neither
//! decoders nor the model ever wait for the disk, and gives what became of them in the walk's order.

use std::{io, path::PathBuf, sync::Arc};

use futures_util::{StreamExt, stream};
use tokio::sync::{Semaphore, mpsc, watch};

use super::{
    failures::Failure,
    journal::Journal,
    photo::{self, Rules},
    record::Record,
    walk::{Step, Walk},
};
use crate::embedder::Embedder;

/// Most files between the first that is not done and the last that is begun: while one takes long,
/// others go on, and what is done waits for its turn.
const WINDOW: usize = 1024;

/// Most files that the walk is ahead.
const AHEAD: usize = 256;

/// What became of a file.
#[derive(Debug)]
pub enum Outcome {
    /// It is embedded.
    Embedded(Record),
    /// It was embedded before, and its record has this place in the journal.
    Known(u64),
    /// It is no image.
    Skipped,
    /// It cannot be embedded.
    Failed(Failure),
    /// It was not begun, because of the stop.
    Left,
}

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system refuses a thread.
    #[error("cannot start the thread that looks for files: {0}")]
    Thread(io::Error),
    /// A thread of the model ended by a fault of ours.
    #[error("a thread of the model died; please report the lines above")]
    WorkerLost,
    /// The caller cannot go on.
    #[error(transparent)]
    Outcome(#[from] io::Error),
}

/// The wish to stop, for everybody who holds a clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// One that the sender asks for, by `true`.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, stop) = watch::channel(false);
        (sender, Self(stop))
    }

    /// Whether it was asked for.
    pub fn is_wanted(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when it is asked for; never if that never happens.
    pub async fn wanted(&self) {
        if self.0.clone().wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Embeds the files of `walk` that are images of at most `most_bytes` bytes, and calls `each` with
/// what became of each file, in the walk's order. Those in `known`, unchanged, are not read. After a
/// stop those that were begun are finished.
///
/// # Errors
/// [`RunError`].
pub async fn run(
    embedder: &Embedder,
    walk: Walk,
    most_bytes: u64,
    known: Option<Arc<Journal>>,
    stop: &Stop,
    mut each: impl FnMut(Outcome) -> io::Result<()>,
) -> Result<(), RunError> {
    let mut steps = steps(walk).map_err(RunError::Thread)?;
    let rules = Rules { most_bytes, known };
    let turns = Semaphore::new(embedder.useful_in_flight());
    let outcomes = stream::poll_fn(|context| steps.poll_recv(context))
        .take_until(stop.wanted())
        .map(|step| outcome(step, embedder, &rules, &turns, stop))
        .buffered(WINDOW);
    let all = async {
        let mut outcomes = std::pin::pin!(outcomes);
        while let Some(outcome) = outcomes.next().await {
            each(outcome)?;
        }
        Ok(())
    };
    tokio::select! {
        ended = all => ended,
        () = embedder.lost() => Err(RunError::WorkerLost),
    }
}

/// The steps of `walk`, which is done on a thread of its own since it waits for the disk. It ends when
/// nobody takes them any more.
fn steps(walk: Walk) -> io::Result<mpsc::Receiver<Step>> {
    let (found, steps) = mpsc::channel(AHEAD);
    let mut walk = walk;
    let search = move || while walk.next().is_some_and(|step| found.blocking_send(step).is_ok()) {};
    std::thread::Builder::new().name("walk".to_owned()).spawn(search)?;
    Ok(steps)
}

async fn outcome(
    step: Step,
    embedder: &Embedder,
    rules: &Rules,
    turns: &Semaphore,
    stop: &Stop,
) -> Outcome {
    let (path, named) = match step {
        Step::File { path, named } => (path, named),
        Step::Other(path) => return other(path),
        Step::Failed(path, error) => return failed(path, &error),
    };
    match turns.acquire().await {
        Ok(_turn) if !stop.is_wanted() => photo::embed(embedder, path, named, rules).await,
        _ => Outcome::Left,
    }
}

fn other(path: PathBuf) -> Outcome {
    tracing::debug!(path = %path.display(), "neither a file nor a folder");
    Outcome::Skipped
}

fn failed(path: PathBuf, error: &io::Error) -> Outcome {
    Outcome::Failed(Failure { path, code: "unreadable", detail: error.to_string() })
}
