//! The memory of pixels. A picture within the limits may still be larger than what the machine has
//! left, so it is asked for in a way that can be refused: that costs an error, not the process.
//! Zeros come from the system as they are, page by page when they are first touched, so a file that
//! ends after its header takes next to nothing.

use bytemuck::Zeroable;

use crate::{kernels::memory::prefer_huge_pages, preprocess::error::ImageError};

/// An empty vector with room for `a * b * c` elements.
///
/// # Errors
/// [`ImageError::OutOfMemory`] where memory is refused or the product is no size at all.
pub(crate) fn room<T>(size: [usize; 3]) -> Result<Vec<T>, ImageError> {
    let count = product(size);
    let mut data = Vec::new();
    data.try_reserve_exact(count).map_err(|_| refused::<T>(count))?;
    prefer_huge_pages(data.spare_capacity_mut());
    Ok(data)
}

/// `a * b * c` zeros (of blocks, blocks of zeros).
///
/// # Errors
/// As [`room`].
pub(crate) fn zeros<T: Zeroable>(size: [usize; 3]) -> Result<Vec<T>, ImageError> {
    let count = product(size);
    let mut data = bytemuck::try_zeroed_vec(count).map_err(|()| refused::<T>(count))?;
    prefer_huge_pages(&mut data);
    Ok(data)
}

/// A count that no memory holds where the product is none.
fn product([a, b, c]: [usize; 3]) -> usize {
    a.checked_mul(b).and_then(|n| n.checked_mul(c)).unwrap_or(usize::MAX)
}

fn refused<T>(count: usize) -> ImageError {
    ImageError::OutOfMemory { bytes: (count as u64).saturating_mul(size_of::<T>() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_refused_is_an_error_that_says_how_much_and_what_to_do() {
        let error = zeros::<[i16; 64]>([1 << 20, 1 << 20, 1]).unwrap_err();
        assert_eq!(error.code(), "out_of_memory");
        let message = error.to_string();
        assert!(message.contains("140737488355328 bytes"), "{message}");
        assert!(message.contains("--max-image-pixels"), "{message}");
    }

    #[test]
    fn a_size_that_overflows_is_refused_and_does_not_wrap() {
        assert_eq!(zeros::<u8>([1 << 32, 1 << 32, 3]).unwrap_err().code(), "out_of_memory");
        assert_eq!(zeros::<u8>([2, 3, 4]).unwrap(), [0; 24]);
    }
}
