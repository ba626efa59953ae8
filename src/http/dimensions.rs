//! Embeddings of fewer numbers than the model gives: the first of them. CLIP was not trained for it,
//! as models with Matryoshka embeddings (arXiv 2205.13147) are, so each number that is left out costs.

use super::rejection::Rejection;
use crate::{
    embedder::Length,
    model::{Embedding, normalize},
    upload::json::FieldError,
};

/// How many numbers of an embedding are kept: the first, from 1 to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dimensions {
    kept: usize,
    all: usize,
}

impl Dimensions {
    /// What the field `dimensions` says of embeddings of `all` numbers; none and zero mean all.
    ///
    /// # Errors
    /// [`Rejection::Validation`] for more.
    pub fn of(field: Option<u64>, all: usize) -> Result<Self, Rejection> {
        match usize::try_from(field.unwrap_or(0)) {
            Ok(0) => Ok(Self { kept: all, all }),
            Ok(kept) if kept <= all => Ok(Self { kept, all }),
            _ => {
                let msg = format!("Input should be from 1 to {all}, or 0 for all {all} numbers");
                Err(Rejection::Validation(vec![FieldError::value("dimensions", &msg)]))
            }
        }
    }

    /// The numbers of `embedding` that are kept, of L2 norm 1 again where it was of that.
    pub fn cut(self, mut embedding: Embedding, length: Length) -> Embedding {
        if self.kept < self.all {
            embedding.truncate(self.kept);
            if length == Length::Unit {
                normalize(&mut embedding);
            }
        }
        embedding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_one_to_all_are_kept_and_no_more() {
        for (field, kept) in [(None, 8), (Some(0), 8), (Some(1), 1), (Some(8), 8)] {
            assert_eq!(Dimensions::of(field, 8).unwrap().kept, kept);
        }
        for field in [9, u64::MAX] {
            assert!(Dimensions::of(Some(field), 8).is_err(), "{field}");
        }
    }

    #[test]
    fn what_is_kept_is_as_long_as_the_whole_was() {
        let two = Dimensions::of(Some(2), 3).unwrap();
        assert_eq!(two.cut(vec![0.6, 0., 0.8], Length::Unit), [1., 0.]);
        assert_eq!(two.cut(vec![6., 0., 8.], Length::Raw), [6., 0.]);
        let all = Dimensions::of(None, 3).unwrap();
        assert_eq!(all.cut(vec![0.6, 0., 0.8], Length::Unit), [0.6, 0., 0.8]);
    }
}
