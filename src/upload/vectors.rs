//! Vectors in the JSON of a request, one after the other in memory: a list of lists of numbers, each of
//! the same length. A list without numbers costs no memory, and one beyond the limits no more than
//! they allow.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, SeqAccess, Visitor},
};

use crate::duplicates::Vectors;

/// Most vectors of a request: each is compared with each, which takes seconds for so many.
pub const MOST: usize = 10_000;

/// Most numbers of a vector: embeddings have some thousands at most.
pub const MOST_DIM: usize = 8192;

/// Most numbers of all vectors together, which bounds their memory (40 MB) and the time that it takes to
/// compare each with each: those of [`MOST`] embeddings of the largest CLIP models.
pub const MOST_NUMBERS: usize = MOST * 1024;

/// The vectors of a body; none where the list is empty.
#[derive(Debug)]
pub struct GivenVectors(pub Option<Vectors>);

impl<'de> Deserialize<'de> for GivenVectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Rows)
    }
}

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = GivenVectors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vectors, each a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<GivenVectors, A::Error> {
        let mut row = Vec::new();
        let mut vectors: Option<Vectors> = None;
        let mut count = 0;
        while rows.next_element_seed(Row { index: count, numbers: &mut row })?.is_some() {
            if count == MOST {
                let limit =
                    format!("more than {MOST} vectors in one request: send fewer at a time");
                return Err(A::Error::custom(limit));
            }
            if (count + 1) * row.len() > MOST_NUMBERS {
                let limit = format!(
                    "more than {MOST_NUMBERS} numbers in the vectors of one request: send fewer vectors \
                     at a time"
                );
                return Err(A::Error::custom(limit));
            }
            if row.is_empty() {
                return Err(A::Error::custom(format!("vector {count} has no numbers")));
            }
            let vectors = vectors.get_or_insert_with(|| Vectors::new(row.len()));
            vectors.push(&row).map_err(A::Error::custom)?;
            count += 1;
        }
        Ok(GivenVectors(vectors))
    }
}

/// Reads one vector to where the last one was.
struct Row<'a> {
    /// Which it is, from 0.
    index: usize,
    numbers: &'a mut Vec<f32>,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.numbers.clear();
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector: a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<(), A::Error> {
        while let Some(number) = numbers.next_element()? {
            if self.numbers.len() == MOST_DIM {
                let index = self.index;
                let limit = format!("vector {index} has more than {MOST_DIM} numbers, the limit");
                return Err(A::Error::custom(limit));
            }
            self.numbers.push(number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Vectors>, String> {
        serde_json::from_str(json).map(|GivenVectors(found)| found).map_err(|e| e.to_string())
    }

    #[test]
    fn vectors_are_normalised_and_of_one_length() {
        let vectors = read("[[3, 4], [0, 2]]").unwrap().unwrap();
        assert_eq!((vectors.len(), vectors.dim()), (2, 2));
        assert_eq!(vectors.get(0), [0.6, 0.8]);
        assert_eq!(read("[]").unwrap(), None);
        for (json, message) in [
            ("[[1, 2], [1]]", "vector 1 has 1 numbers, and the first has 2"),
            ("[[]]", "vector 0 has no numbers"),
            ("[[0, 0]]", "all zeros"),
            ("[[1e99]]", "not finite"),
            ("[[\"a\"]]", "expected f32"),
            ("[1]", "a vector"),
            ("{}", "a list of vectors"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(message), "{json}: {error}");
        }
    }

    #[test]
    fn there_is_an_end_to_them() {
        let error = read(&format!("[{}[1]]", "[1],".repeat(MOST))).unwrap_err();
        assert!(error.contains("10000"), "{error}");
        let row = |numbers: usize| format!("[{}1]", "1,".repeat(numbers - 1));
        assert_eq!(read(&format!("[{}]", row(MOST_DIM))).unwrap().unwrap().dim(), MOST_DIM);
        let error = read(&format!("[[1],{}]", row(MOST_DIM + 1))).unwrap_err();
        assert!(error.contains("vector 1 has more than 8192 numbers"), "{error}");
        let rows = MOST_NUMBERS / MOST_DIM;
        let row = row(MOST_DIM);
        let error = read(&format!("[{}{row}]", format!("{row},").repeat(rows))).unwrap_err();
        assert!(error.contains("10240000 numbers"), "{error}");
    }
}
