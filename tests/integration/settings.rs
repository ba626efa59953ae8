//! The settings: where they come from, what they may be, and how the process refuses wrong ones.

mod process;
mod reading;
mod readme;
