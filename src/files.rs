//! Photos in files: found, embedded in this process, and written down.
//!
//! [`walk`] finds them one by one, [`run`] leads them through the
//! [`Embedder`](crate::embedder::Embedder) with bounded work in flight and gives [`Record`]s in the
//! order of the walk, a [`journal`] keeps those across interruptions, [`output`] makes a file of them,
//! and [`input`] reads it. Nothing is kept in memory for each file but hashes of paths and places in the journal.

pub mod failures;
pub mod input;
pub mod journal;
pub mod names;
pub mod output;
mod photo;
pub mod record;
pub mod run;
pub mod walk;

pub use failures::{Failure, Failures};
pub use record::{Record, Stamp};
pub use run::{Outcome, RunError, Stop, run};
