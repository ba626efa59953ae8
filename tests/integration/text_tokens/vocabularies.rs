//! A model's repository may bring its vocabulary, in two forms; a file that is none says why.

use std::{fs, path::PathBuf};

use inference_service::model::tokenizer::{Tokenizer, TokenizerError};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CONTEXT, expected, tokenizer};

fn merges() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/clip-merges.txt");
    fs::read_to_string(path).unwrap()
}

/// A file of this name and content, which is gone with its folder.
fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn read(name: &str, content: &str) -> Result<Tokenizer, TokenizerError> {
    let (_folder, path) = file(name, content);
    Tokenizer::from_file(&path)
}

/// A `tokenizer.json` as Hugging Face's `tokenizers` writes it, of the built-in merges.
fn tokenizer_json(apart: bool) -> Value {
    let merges = merges();
    let pairs: Vec<(&str, &str)> =
        merges.lines().skip(1).filter_map(|line| line.split_once(' ')).collect();
    let printing = ('!'..='~').chain('¡'..='¬').chain('®'..='ÿ');
    let letters: Vec<char> = printing.chain(('\u{100}'..).take(68)).collect();
    let tokens = letters.iter().map(char::to_string);
    let tokens = tokens.chain(letters.iter().map(|letter| format!("{letter}</w>")));
    let tokens = tokens.chain(pairs.iter().map(|(first, second)| format!("{first}{second}")));
    let mut vocab: serde_json::Map<String, Value> =
        tokens.enumerate().map(|(number, token)| (token, number.into())).collect();
    let [start, end] = [vocab.len(), vocab.len() + 1];
    vocab.insert("<|startoftext|>".to_owned(), start.into());
    vocab.insert("<|endoftext|>".to_owned(), end.into());
    let merge = |&(first, second): &(&str, &str)| {
        if apart { json!([first, second]) } else { json!(format!("{first} {second}")) }
    };
    json!({
        "version": "1.0",
        "added_tokens": [
            {"id": start, "content": "<|startoftext|>", "special": true},
            {"id": end, "content": "<|endoftext|>", "special": true},
        ],
        "normalizer": {"type": "NFC"},
        "model": {
            "type": "BPE",
            "end_of_word_suffix": "</w>",
            "vocab": vocab,
            "merges": pairs.iter().map(merge).collect::<Vec<_>>(),
        },
    })
}

#[test]
fn the_files_of_a_repository_give_the_tokens_of_the_vocabulary_that_is_built_in() {
    assert_eq!(tokenizer().vocabulary(), 49_408);
    // OpenAI's own file goes on behind the merges that CLIP has.
    let longer = format!("{}z zqx\nzq x\n", merges());
    let files = [
        ("merges.txt", merges()),
        ("bpe_simple_vocab_16e6.txt", longer),
        ("tokenizer.json", tokenizer_json(false).to_string()),
        ("tokenizer.json", tokenizer_json(true).to_string()),
    ];
    for (name, content) in files {
        let found = read(name, &content).unwrap();
        assert_eq!(found.vocabulary(), 49_408, "{name}");
        for text in expected().texts {
            let [found, built_in] =
                [&found, tokenizer()].map(|tokenizer| tokenizer.tokens(&text.text, CONTEXT));
            assert_eq!(found, built_in, "{name}: {}", text.name);
        }
    }
}

#[test]
fn a_file_that_is_no_vocabulary_says_which_and_why() {
    let changed = |change: fn(&mut Value)| {
        let mut value = tokenizer_json(false);
        change(&mut value);
        value.to_string()
    };
    for (name, content, expected) in [
        ("merges.txt", "i n\nth e\n".to_owned(), "line 2: no byte and no earlier merge is `th`"),
        ("tokenizer.json", "{".to_owned(), "EOF while parsing"),
        ("tokenizer.json", json!({"model": {}}).to_string(), "missing field `vocab`"),
        ("tokenizer.json", changed(|f| f["model"]["type"] = "Unigram".into()), "`Unigram`"),
        ("tokenizer.json", changed(|f| f["model"]["end_of_word_suffix"] = Value::Null), "`</w>`"),
        ("tokenizer.json", changed(|f| f["model"]["vocab"]["a"] = Value::Null), "invalid type"),
        ("tokenizer.json", changed(|f| f["model"]["merges"] = json!(["q"])), "merge `q`"),
        (
            "tokenizer.json",
            changed(|f| {
                f["added_tokens"] = json!([]);
                f["model"]["vocab"].as_object_mut().unwrap().remove("<|endoftext|>");
            }),
            "no token `<|endoftext|>`",
        ),
        (
            "tokenizer.json",
            changed(|f| {
                f["model"]["vocab"].as_object_mut().unwrap().remove("the</w>");
            }),
            "`the</w>` has no number",
        ),
    ] {
        let message = read(name, &content).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(
            message.contains(name) && message.contains("expected the `merges.txt`"),
            "{message}"
        );
    }
}

#[test]
fn a_file_that_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = Tokenizer::from_file(&folder.path().join("merges.txt")).unwrap_err();
    assert!(matches!(error, TokenizerError::Read { .. }), "{error}");
    assert!(error.to_string().contains("merges.txt: the vocabulary cannot be read"), "{error}");
}
