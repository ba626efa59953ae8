//! What the service promises, one file a promise, seen from outside wherever that is possible.

mod decode;
mod hub;
mod hub_server;
mod registry;
mod resize;
