//! The messages of the protocol, made from `proto/inference.proto` by `build.rs`. Those that are answers
//! of `/v2` too are written as JSON under the same names, so that both ways tell the same.

#![allow(clippy::all, missing_docs, reason = "is made by prost")]

use serde::{Serialize, Serializer};

include!(concat!(env!("OUT_DIR"), "/inference.rs"));

/// The description of all messages and calls, for reflection.
pub const DESCRIPTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/inference.bin"));

/// JSON has names for what the binary form numbers.
fn data_type_by_name<S: Serializer>(number: &i32, serializer: S) -> Result<S::Ok, S::Error> {
    let data_type = DataType::try_from(*number).unwrap_or(DataType::TypeInvalid);
    data_type.as_str_name().serialize(serializer)
}
