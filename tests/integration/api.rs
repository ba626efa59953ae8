//! The routes of the original service answer as its clients know them.

mod documentation;
mod embedding;
mod examples;
mod information;
mod request_id;
