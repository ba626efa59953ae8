//! What is logged, how loud, and what never is.

mod levels;
mod panics;
mod secrets;
mod shedding;
