//! The memory of pixels. A picture within the limits may still be larger than what the machine has
//! left, so it is asked for in a way that can be refused: that costs an error, not the process.

use crate::preprocess::error::ImageError;

/// An empty vector with room for `a * b * c` elements.
///
/// # Errors
/// [`ImageError::OutOfMemory`] where memory is refused or the product is no size at all.
pub(crate) fn room<T>([a, b, c]: [usize; 3]) -> Result<Vec<T>, ImageError> {
    let count = a.checked_mul(b).and_then(|n| n.checked_mul(c)).unwrap_or(usize::MAX);
    let mut data = Vec::new();
    data.try_reserve_exact(count).map_err(|_| ImageError::OutOfMemory {
        bytes: (count as u64).saturating_mul(size_of::<T>() as u64),
    })?;
    Ok(data)
}

/// `a * b * c` zeros (of blocks, blocks of zeros).
///
/// # Errors
/// As [`room`].
pub(crate) fn zeros<T: Clone>(zero: T, size: [usize; 3]) -> Result<Vec<T>, ImageError> {
    let mut data = room(size)?;
    data.resize(size.iter().product(), zero);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_refused_is_an_error_that_says_how_much_and_what_to_do() {
        let error = zeros([0i16; 64], [1 << 20, 1 << 20, 1]).unwrap_err();
        assert_eq!(error.code(), "out_of_memory");
        let message = error.to_string();
        assert!(message.contains("140737488355328 bytes"), "{message}");
        assert!(message.contains("--max-image-pixels"), "{message}");
    }

    #[test]
    fn a_size_that_overflows_is_refused_and_does_not_wrap() {
        assert_eq!(zeros(0u8, [1 << 32, 1 << 32, 3]).unwrap_err().code(), "out_of_memory");
        assert_eq!(zeros(0u8, [2, 3, 4]).unwrap(), [0; 24]);
    }
}
