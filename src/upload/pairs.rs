//! Pairs of places in the JSON of a request: which two are compared. A list beyond the limit is refused
//! where it is read, so it costs no more memory than the limit allows.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

/// Most pairs of a request: as many as 512 vectors have, each with each.
pub const MOST: usize = 1 << 18;

/// The pairs of a body, in order.
#[derive(Debug, PartialEq, Eq)]
pub struct Pairs(pub Vec<[usize; 2]>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OfPairs)
    }
}

struct OfPairs;

impl<'de> Visitor<'de> for OfPairs {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pairs, each of two places")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = list.next_element()? {
            if pairs.len() == MOST {
                let limit =
                    format!("more than {MOST} pairs in one request: ask for fewer at a time");
                return Err(A::Error::custom(limit));
            }
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Pairs, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn pairs_are_read_to_the_limit_and_no_further() {
        assert_eq!(read("[[0, 1], [2, 3]]"), Ok(Pairs(vec![[0, 1], [2, 3]])));
        let most = "[0,0],".repeat(MOST - 1);
        assert_eq!(read(&format!("[{most}[0,0]]")).unwrap().0.len(), MOST);
        // What comes after is not looked at.
        let error = read(&format!("[{most}[0,0],[0,0], what is no JSON")).unwrap_err();
        assert!(error.contains("more than 262144 pairs"), "{error}");
        for (json, message) in
            [("[[0]]", "array of length 2"), ("[[0, -1]]", "usize"), ("1", "pairs")]
        {
            let error = read(json).unwrap_err();
            assert!(error.contains(message), "{json}: {error}");
        }
    }
}
