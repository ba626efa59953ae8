//! Uploads that are made to hurt cost their own answer and nothing else: damaged files by the
//! thousand, and small files that ask for much.

mod bombs;
mod chunks;
mod mutation;
mod uploads;
