//! What the fuzz targets promise of an upload beyond "no crash": one module for each reader.
//!
//! `preprocess` and `upload` are links to the service's own sources. Taken as a library, the
//! service would bring the model's crates along, which take ten minutes to build with a sanitizer
//! and read no upload.

#![allow(missing_docs, reason = "linked sources document themselves")]

pub mod preprocess;
pub mod upload;

pub mod decoding;
mod heap;
pub mod probing;
pub mod requests;
