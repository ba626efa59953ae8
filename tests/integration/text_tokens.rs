//! Texts become the tokens that open_clip makes of them, whatever they are; and no text is too long
//! or too odd to have tokens.

mod properties;
mod vocabularies;

use std::{fs, sync::OnceLock};

use inference_service::model::tokenizer::Tokenizer;
use serde::Deserialize;

use crate::support::reference;

/// What CLIP's text tower takes.
const CONTEXT: usize = 77;
const START: u32 = 49406;
const END: u32 = 49407;

#[derive(Deserialize)]
struct Expected {
    context: usize,
    texts: Vec<Text>,
}

#[derive(Deserialize)]
struct Text {
    name: String,
    text: String,
    /// As many as the context, zero behind the end token.
    ids: Vec<u32>,
}

fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(Tokenizer::builtin)
}

fn expected() -> Expected {
    let json = fs::read(reference().join("expected/text.json")).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn hard_texts_have_open_clips_tokens() {
    let expected = expected();
    let mut wrong = Vec::new();
    for Text { name, text, ids } in expected.texts {
        let mut found = tokenizer().tokens(&text, expected.context).as_slice().to_vec();
        found.resize(expected.context, 0);
        if found != ids {
            wrong.push(format!("{name}: {text:?}\n  found    {found:?}\n  expected {ids:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `tests/reference/text_cases.json`, or another file that its script wrote.
#[test]
fn spoiled_texts_have_open_clips_tokens() {
    let path = std::env::var_os("TEXT_CASES")
        .map_or_else(|| reference().join("text_cases.json"), Into::into);
    let cases: Vec<(String, Vec<u32>)> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let wrong: Vec<_> = cases
        .iter()
        .filter(|(text, ids)| tokenizer().tokens(text, CONTEXT).as_slice() != ids)
        .collect();
    println!("{} of {} texts have other tokens", wrong.len(), cases.len());
    for (text, ids) in wrong.iter().take(20) {
        let found = tokenizer().tokens(text, CONTEXT);
        println!("{text:?}\n  found    {:?}\n  expected {ids:?}", found.as_slice());
    }
    assert!(wrong.is_empty());
}

#[test]
fn a_text_that_says_the_end_token_ends_there_for_the_tower() {
    let tokens = tokenizer().tokens("a cat<end_of_text> and a dog", CONTEXT);
    assert_eq!(tokens.first_end(), 3);
    assert_eq!(tokens.as_slice()[3], END);
    let tokens = tokenizer().tokens("a cat", CONTEXT);
    assert_eq!((tokens.first_end(), tokens.len()), (3, 4));
}
