//! Reading integers from a byte slice at an offset. Every read is checked: what lies outside the
//! slice is `None`, never a panic, so that header parsers can be written with `?`.

/// `N` bytes at `offset`.
pub(super) fn array<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// A little-endian 16-bit integer at `offset`.
pub(super) fn u16_le(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_le_bytes)
}

/// A big-endian 16-bit integer at `offset`.
pub(super) fn u16_be(bytes: &[u8], offset: usize) -> Option<u16> {
    array(bytes, offset).map(u16::from_be_bytes)
}

/// A little-endian 24-bit integer at `offset`.
pub(super) fn u24_le(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(|[a, b, c]| u32::from_le_bytes([a, b, c, 0]))
}

/// A little-endian 32-bit integer at `offset`.
pub(super) fn u32_le(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_le_bytes)
}

/// A big-endian 32-bit integer at `offset`.
pub(super) fn u32_be(bytes: &[u8], offset: usize) -> Option<u32> {
    array(bytes, offset).map(u32::from_be_bytes)
}
