//! For any text: as many tokens as the context at most, the start token first and the end token
//! last; and the merges are those of another implementation.

use instant_clip_tokenizer as other;
use proptest::{prelude::*, string::string_regex};

use super::{CONTEXT, END, START, tokenizer};

/// Pieces that cleaning is about, in any order, among characters of any kind.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        4 => any::<String>(),
        4 => "[a-zA-Z0-9 ',.]{0,40}",
        2 => "(&(amp;)*#?x?[a-zA-Z0-9]{0,6};?){1,5}",
        2 => "[Â-ß][\u{80}-\u{bf}]{1,2}|[à-ï][\u{80}-\u{bf} ]{2}|ð[\u{80}-\u{bf}]{3}|â€[™œ\u{9d}]",
        1 => "\u{1b}\\[[0-9;]{0,4}m?|<(start|END)_of_text>|[ŉﬁＡ\u{345}ſΣİ]",
        1 => "[\r\n\t \u{a0}\u{feff}\0]{1,5}",
    ];
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn tokens_fit_the_context_and_begin_and_end_rightly(text in texts(), context in 2_usize..90) {
        let tokens = tokenizer().tokens(&text, context);
        prop_assert!((2..=context).contains(&tokens.len()));
        prop_assert_eq!(tokens.as_slice()[0], START);
        prop_assert_eq!(*tokens.as_slice().last().unwrap(), END);
        prop_assert!(tokens.as_slice().iter().all(|&token| token <= END));
        prop_assert_eq!(tokens.as_slice()[tokens.first_end()], END);
    }

    #[test]
    fn a_shorter_context_only_cuts(text in texts(), context in 2_usize..CONTEXT) {
        let [long, short] = [CONTEXT, context].map(|context| tokenizer().tokens(&text, context));
        let kept = short.len() - 1;
        prop_assert_eq!(&long.as_slice()[..kept], &short.as_slice()[..kept]);
        prop_assert_eq!(short.len(), long.len().min(context));
    }

    #[test]
    fn words_are_merged_as_another_implementation_merges_them(
        words in string_regex("[a-z]{1,30}( [a-zà-ÿа-яぁ-ん一-丿]{1,8}){0,6}").unwrap(),
    ) {
        let mut expected = Vec::new();
        other_tokenizer().encode(&words, &mut expected);
        let expected: Vec<u32> = expected.iter().map(|token| token.to_u16().into()).collect();
        let found = tokenizer().tokens(&words, 1000);
        prop_assert_eq!(&found.as_slice()[1..found.len() - 1], expected);
    }
}

fn other_tokenizer() -> &'static other::Tokenizer {
    static OTHER: std::sync::OnceLock<other::Tokenizer> = std::sync::OnceLock::new();
    OTHER.get_or_init(other::Tokenizer::new)
}

#[test]
fn no_context_is_too_short() {
    for context in [0, 1] {
        assert_eq!(tokenizer().tokens("a cat", context).as_slice(), [END]);
    }
    assert_eq!(tokenizer().tokens("a cat", 2).as_slice(), [START, END]);
}

#[test]
fn megabytes_of_anything_have_tokens() {
    let deep = format!("&{}lt;", "amp;".repeat(1 << 18));
    let pieces =
        ["a", " ", "é", "Ã", "Ã©", "ðŸ˜€", "&", "&amp;", "&#x1b;[", "\u{1b}[1", "<", "x\u{301}"];
    let texts = pieces.map(|piece| piece.repeat((1 << 20) / piece.len()));
    for text in texts.iter().chain([&deep]) {
        let tokens = tokenizer().tokens(text, CONTEXT);
        assert!(tokens.len() <= CONTEXT, "{}", &text[..4]);
        assert_eq!(tokens.as_slice()[tokens.len() - 1], END);
    }
}
