//! The fields of a protobuf message, one after the other, as parts of it. Messages that come from anywhere
//! are read so where they may be large: a generated type would make a structure of hundreds of bytes of
//! each empty field of two, and a body of megabytes fill the memory.

use bytes::{Buf, Bytes};

use super::error::GrpcError;

/// The value of a field, by how it is written (protobuf's encoding, "Message Structure").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// An integer, or a truth value.
    Varint(u64),
    /// Eight bytes.
    Fixed64,
    /// A text, bytes, a message, or numbers without their keys.
    Bytes(Bytes),
    /// Four bytes.
    Fixed32([u8; 4]),
}

/// The fields of a message.
pub(super) struct Fields(pub Bytes);

impl Iterator for Fields {
    type Item = Result<(u32, Value), GrpcError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0.clear();
        }
        let broken = || GrpcError::Message("a field is broken off or of no known kind".into());
        Some(field.ok_or_else(broken))
    }
}

impl Fields {
    fn field(&mut self) -> Option<(u32, Value)> {
        let key = varint(&mut self.0)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => {
                self.0.try_get_u64_le().ok()?;
                Value::Fixed64
            }
            2 => {
                let length = usize::try_from(varint(&mut self.0)?).ok()?;
                Value::Bytes((length <= self.0.len()).then(|| self.0.split_to(length))?)
            }
            5 => Value::Fixed32(self.0.try_get_u32_le().ok()?.to_le_bytes()),
            _ => return None,
        };
        Some((number, value))
    }
}

/// The integer that `bytes` begin with, at most ten bytes of it.
pub(super) fn varint(bytes: &mut Bytes) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes.try_get_u8().ok()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A field that holds a text.
pub(super) fn text(value: Value) -> Result<String, GrpcError> {
    let wrong = || GrpcError::Message("a text is no text, or not UTF-8".into());
    match value {
        Value::Bytes(bytes) => String::from_utf8(bytes.into()).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &'static [u8]) -> Result<Vec<(u32, Value)>, GrpcError> {
        Fields(Bytes::from_static(bytes)).collect()
    }

    #[test]
    fn fields_are_read_in_their_order() {
        // The examples of protobuf's own description, and the kinds that it has none of.
        assert_eq!(fields(b"\x08\x96\x01"), Ok(vec![(1, Value::Varint(150))]));
        let text = Bytes::from_static(b"testing");
        assert_eq!(fields(b"\x12\x07testing"), Ok(vec![(2, Value::Bytes(text))]));
        let fixed = vec![(6, Value::Fixed32([0, 0, 128, 63])), (7, Value::Fixed64)];
        assert_eq!(fields(b"\x35\0\0\x80\x3f\x39\0\0\0\0\0\0\0\0"), Ok(fixed));
        let most = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(fields(most), Ok(vec![(1, Value::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_broken_off_ends_the_reading() {
        for broken in [
            &b"\x08"[..],
            b"\x08\x96",
            b"\x12\x08testing",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01testing",
            b"\x35\0\0\0",
            b"\x39\0\0\0\0",
            b"\x00\x00",
            b"\x0b\x0c",
            b"\x0f",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert!(fields(broken).is_err(), "{broken:?}");
        }
    }
}
