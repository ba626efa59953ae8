//! Photos by their URLs come from the hosts that are named, within their limits, and from nowhere else,
//! whatever clients write, servers answer and names resolve to.

mod addresses;
mod answers;
mod photos;
mod redirects;
mod server;
