//! The routes of the original service answer as its clients know them.

mod documentation;
mod embedding;
mod information;
mod request_id;
