//! The variables are those of Python's `huggingface_hub`, with its names, its precedence and its
//! defaults.

use std::{fs, path::Path, time::Duration};

use inference_service::model::hub::{HubError, Settings};

fn settings(pairs: &[(&str, &str)]) -> Result<Settings, HubError> {
    Settings::from_env(|name| {
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn cache_is_where_huggingface_hub_has_it() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("HOME", "/h")], "/h/.cache/huggingface/hub"),
        (&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")], "/x/huggingface/hub"),
        (&[("HOME", "/h"), ("HF_HOME", "~/f")], "/h/f/hub"),
        (&[("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/old"),
        (&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/f"), ("HUGGINGFACE_HUB_CACHE", "/old")], "/c"),
        (&[("HF_HUB_CACHE", ""), ("HF_HOME", "/f")], "/f/hub"),
    ];
    for (pairs, cache) in cases {
        assert_eq!(settings(pairs).unwrap().cache, Path::new(cache), "{pairs:?}");
    }
}

#[test]
fn offline_takes_the_words_that_huggingface_hub_takes() {
    for (value, offline) in [("1", true), ("on", true), ("Yes", true), ("TRUE", true), ("0", false)]
    {
        let found = settings(&[("HF_HOME", "/f"), ("HF_HUB_OFFLINE", value)]).unwrap();
        assert_eq!(found.offline, offline, "{value}");
    }
}

#[test]
fn token_comes_from_the_variable_else_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "from-file\n").unwrap();
    let home = folder.path().to_str().unwrap();
    assert!(settings(&[("HF_HOME", home)]).unwrap().token.is_some());
    assert!(settings(&[("HF_HOME", home), ("HF_TOKEN_PATH", "/none")]).unwrap().token.is_none());
    let other = folder.path().join("other");
    assert!(settings(&[("HF_HOME", other.to_str().unwrap())]).unwrap().token.is_none());
}

#[test]
fn token_is_not_shown() {
    let found = settings(&[("HF_HOME", "/f"), ("HF_TOKEN", "hf_secret")]).unwrap();
    assert_eq!(format!("{:?}", found.token), "Some(Token(..))");
}

#[test]
fn endpoint_loses_its_last_slash_and_timeouts_are_seconds() {
    let pairs = [("HF_HOME", "/f"), ("HF_ENDPOINT", "https://m/"), ("HF_HUB_ETAG_TIMEOUT", "3")];
    let found = settings(&pairs).unwrap();
    assert_eq!(found.endpoint, "https://m");
    assert_eq!(found.etag_timeout, Duration::from_secs(3));
    assert_eq!(found.read_timeout, Duration::from_secs(10));
}

#[test]
fn all_mistakes_are_reported_together() {
    let mistakes = settings(&[
        ("HF_HOME", "/f"),
        ("HF_ENDPOINT", "mirror.example"),
        ("HF_TOKEN", "hf_sec\u{7}ret"),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "soon"),
    ]);
    let Err(HubError::Settings(mistakes)) = mistakes else { panic!("no mistakes found") };
    assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    for (mistake, name) in
        mistakes.iter().zip(["HF_ENDPOINT", "HF_TOKEN", "HF_HUB_DOWNLOAD_TIMEOUT"])
    {
        assert!(mistake.contains(name) && !mistake.contains("hf_sec"), "{mistake}");
    }
}
