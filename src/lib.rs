//! A service that turns photos into CLIP embeddings, exact to Pillow and open_clip.
//!
//! A request goes one way through these modules, which stand here in its order:
//!
//! ```text
//! http --> admission --Upload--> preprocess --Pixels--> batcher --> model --Embedding--> http
//! ```
//!
//! [`http`] takes requests and knows statuses; [`admission`] says who is let in, and when;
//! [`upload`] is what a client sent, and [`fetch`] gets what it only named; [`embedder`] leads it
//! through [`preprocess`], where photos become pixels, and [`batcher`], which hands them to the [`model`]. [`duplicates`] compares what
//! comes out, and [`files`] are embedded without HTTP. [`config`] says how all of it is set up; [`allocator`], [`metrics`], [`panics`], [`telemetry`], [`threads`] and
//! [`shutdown`] serve all of them. [`bench`] is a load program that sees the service from outside.

pub mod config;
pub mod http;

pub mod admission;
pub mod fetch;
pub mod upload;

pub mod embedder;
#[cfg(feature = "fault-injection")]
pub mod faults;

pub mod preprocess;

pub mod batcher;

pub mod kernels;
pub mod model;

pub mod duplicates;
pub mod files;

pub mod allocator;
pub mod metrics;
pub mod panics;
pub mod shutdown;
pub mod telemetry;
pub mod threads;

pub mod bench;
pub mod command;
