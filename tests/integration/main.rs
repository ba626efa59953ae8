//! What the service promises, one file a promise, seen from outside wherever that is possible.

mod allocations;
mod allocator;
mod api;
mod bench;
mod command;
mod connections;
mod decode;
mod drain;
mod errors;
#[cfg(feature = "fault-injection")]
mod faults;
#[cfg(feature = "cuda")]
mod gpu;
mod hostile;
mod hub;
mod hub_server;
mod logs;
mod memory;
mod metrics;
mod overload;
mod parity;
mod registry;
mod resize;
mod responsive;
mod rolling;
mod service;
mod settings;
mod shutdown;
mod slow_clients;
mod support;
mod tower;
mod weights;
