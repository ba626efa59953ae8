//! What waits for the model: an image or a text, ready to be computed.

use crate::{
    metrics,
    model::{Sample, tokenizer::Tokens},
    preprocess::Pixels,
};

/// One image or one text.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// An image.
    Image(Pixels),
    /// A text.
    Text(Tokens),
}

impl Item {
    /// Tokens of a text; none of an image.
    pub fn tokens(&self) -> usize {
        match self {
            Self::Image(_) => 0,
            Self::Text(tokens) => tokens.len(),
        }
    }

    /// As the model takes it.
    pub fn sample(&self) -> Sample<'_> {
        match self {
            Self::Image(pixels) => Sample::Image(pixels.as_slice()),
            // Nothing behind the first end is seen by it, and it is what is projected.
            Self::Text(tokens) => Sample::Text(&tokens.as_slice()[..=tokens.first_end()]),
        }
    }
}

/// How many images and texts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    images: usize,
    texts: usize,
}

impl Counts {
    /// Among `items`.
    pub fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut counts = Self::default();
        for item in items {
            match item {
                Item::Image(_) => counts.images += 1,
                Item::Text(_) => counts.texts += 1,
            }
        }
        counts
    }

    /// Counts them as done with.
    pub fn tell(self, outcome: &'static str) {
        for (count, tell) in [
            (self.images, metrics::images as fn(&'static str, usize)),
            (self.texts, metrics::texts),
        ] {
            if count > 0 {
                tell(outcome, count);
            }
        }
    }
}
