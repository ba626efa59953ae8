//! Whatever is wrong with a request, its client is told what, and the service stays as it was.

mod hostile;
mod limits;
mod names;
mod photos;
mod skip;
mod validation;
