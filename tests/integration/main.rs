//! What the service promises, one file a promise, seen from outside wherever that is possible.

mod allocations;
mod allocator;
mod api;
mod authorization;
mod bench;
mod command;
mod comparisons;
mod connections;
mod cors;
mod decode;
mod drain;
mod encodings;
mod errors;
#[cfg(feature = "fault-injection")]
mod faults;
mod fetch;
#[cfg(feature = "cuda")]
mod gpu;
mod hostile;
mod hub;
mod hub_server;
mod logs;
mod memory;
mod metrics;
mod openai;
mod overload;
mod page;
mod parity;
mod registry;
mod replies;
mod resize;
mod responsive;
mod rolling;
mod service;
mod settings;
mod shutdown;
mod slow_clients;
mod support;
mod tei;
mod text;
mod text_parity;
mod text_tokens;
mod tls;
mod tower;
mod traces;
mod weights;
