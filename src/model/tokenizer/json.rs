//! Reads the vocabulary in a `tokenizer.json` of Hugging Face's `tokenizers`: its merges and
//! numbers.
//!
//! What else the file says of cleaning and splitting is not read: open_clip's own is what its
//! models were trained with.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;

use super::vocabulary::{END_OF_WORD, Vocabulary};

/// Names of the tokens in front of a text and behind it: Hugging Face's and open_clip's.
const START: [&str; 2] = ["<|startoftext|>", "<start_of_text>"];
const END: [&str; 2] = ["<|endoftext|>", "<end_of_text>"];

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    model: Model<'a>,
    #[serde(default)]
    added_tokens: Vec<AddedToken>,
}

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    end_of_word_suffix: Option<String>,
    vocab: HashMap<String, u32>,
    #[serde(borrow)]
    merges: Vec<Merge<'a>>,
}

/// Two tokens: newer files have them apart.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge<'a> {
    Joined(#[serde(borrow)] Cow<'a, str>),
    Apart(#[serde(borrow)] Cow<'a, str>, Cow<'a, str>),
}

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
    content: String,
}

/// Reads the text of the file.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str) -> Result<Vocabulary, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let model = &file.model;
    if let Some(kind) = model.kind.as_ref().filter(|kind| *kind != "BPE") {
        return Err(format!("its model is of type `{kind}`, not `BPE`"));
    }
    if model.end_of_word_suffix.as_deref() != Some(END_OF_WORD) {
        return Err(format!("its `end_of_word_suffix` is not `{END_OF_WORD}`"));
    }
    let special = |names: [&str; 2]| {
        let added = file.added_tokens.iter().find(|token| names.contains(&token.content.as_str()));
        added
            .map(|token| token.id)
            .or_else(|| names.iter().find_map(|name| model.vocab.get(*name).copied()))
            .ok_or_else(|| format!("it has no token `{}`", names[0]))
    };
    let ends = (special(START)?, special(END)?);
    let merges = model.merges.iter().map(Merge::pair).collect::<Result<Vec<_>, _>>()?;
    Vocabulary::from_numbers(merges, &model.vocab, ends)
}

impl Merge<'_> {
    fn pair(&self) -> Result<(&str, &str), String> {
        match self {
            Self::Apart(first, second) => Ok((first, second)),
            Self::Joined(pair) => {
                pair.split_once(' ').ok_or_else(|| format!("merge `{pair}` is not two tokens"))
            }
        }
    }
}
