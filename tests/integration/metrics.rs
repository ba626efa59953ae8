//! `/metrics`: what it lists is what `docs/metrics.md` says, it counts what happened, and clients
//! cannot make it grow.

mod bounded;
mod counting;
pub mod exposition;
mod listed;

pub use exposition::scrape;
