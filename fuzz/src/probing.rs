//! Promises of `probe`: it needs next to no memory, and what it lets through has a size.

use crate::{
    heap,
    preprocess::{Format, probe},
};

/// Bytes that reading a header may take for each byte of the file: a directory of 4096 tags in a
/// TIFF of nothing else is the worst.
const BYTES_A_BYTE: usize = 8;
/// And beside those: messages, palettes.
const FIXED_BYTES: usize = 64 << 10;

/// Panics where `probe` breaks a promise on `file`.
pub fn check(file: &[u8]) {
    let (header, held) = heap::peak(|| probe(file));
    assert!(held <= BYTES_A_BYTE * file.len() + FIXED_BYTES, "probing held {held} bytes");
    if let Ok(header) = header {
        assert_eq!(Format::detect(file), Some(header.format));
        assert!(header.width > 0 && header.height > 0, "{header:?}");
        assert!((1..=6).contains(&header.channels), "{header:?}");
        assert!(header.decode_bytes() > 0);
        assert!(header.check_pixels(u64::MAX).is_ok());
    }
}
