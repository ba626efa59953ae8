//! The settings of the hub, by the names and defaults of Python's `huggingface_hub`, so that one
//! environment serves both.
//!
//! An empty variable counts as unset. All wrong values are reported together.

use std::{env, fmt, fs, path::PathBuf, sync::Arc, thread, time::Duration};

use super::{HubError, Report};

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// `huggingface_hub`'s own default for both timeouts: a start must not hang on a network that
/// swallows packets.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// How to wait between attempts; tests put in one that only records.
pub type Pause = Arc<dyn Fn(Duration) + Send + Sync>;

/// An access token that no `Debug` output shows.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token without surrounding white space; `None` if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Where the hub and its cache are, and how patient to be.
#[derive(Clone)]
pub struct Settings {
    /// Folder that holds `models--ORG--NAME`: `HF_HUB_CACHE`, else `$HF_HOME/hub`, else
    /// `~/.cache/huggingface/hub`.
    pub cache: PathBuf,
    /// Address of the hub or a mirror, without a slash at its end: `HF_ENDPOINT`.
    pub endpoint: String,
    /// `HF_TOKEN`, else the content of `HF_TOKEN_PATH` or `$HF_HOME/token`. Sent to the endpoint's
    /// own host only.
    pub token: Option<Token>,
    /// `HF_HUB_OFFLINE`: use the cache alone, make no request.
    pub offline: bool,
    /// Longest wait for one answer about a file: `HF_HUB_ETAG_TIMEOUT`, seconds.
    pub etag_timeout: Duration,
    /// Longest silence within a download: `HF_HUB_DOWNLOAD_TIMEOUT`, seconds.
    pub read_timeout: Duration,
    /// Whether `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` of the process are followed.
    pub proxies_from_env: bool,
    /// Waits between attempts.
    pub pause: Pause,
    /// Shows the progress of downloads.
    pub report: Report,
}

impl Settings {
    /// Reads the settings through `env`, usually `|name| std::env::var(name).ok()`.
    ///
    /// # Errors
    /// [`HubError::Settings`] with every wrong value.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let mut reader = Reader { env, mistakes: Vec::new() };
        let home = reader.hf_home();
        let settings = Self {
            cache: reader.cache(home.as_ref()),
            endpoint: reader.endpoint(),
            token: reader.token(home.as_ref()),
            offline: reader.is_true("HF_HUB_OFFLINE") || reader.is_true("TRANSFORMERS_OFFLINE"),
            etag_timeout: reader.seconds("HF_HUB_ETAG_TIMEOUT"),
            read_timeout: reader.seconds("HF_HUB_DOWNLOAD_TIMEOUT"),
            proxies_from_env: true,
            pause: Arc::new(thread::sleep),
            report: Report::for_stderr(),
        };
        if reader.mistakes.is_empty() {
            Ok(settings)
        } else {
            Err(HubError::Settings(reader.mistakes))
        }
    }
}

struct Reader<E> {
    env: E,
    mistakes: Vec<String>,
}

impl<E: Fn(&str) -> Option<String>> Reader<E> {
    fn var(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }

    fn first(&self, names: [&str; 2]) -> Option<String> {
        names.into_iter().find_map(|name| self.var(name))
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let value = self.var(name)?;
        match (value.strip_prefix("~/"), self.var("HOME")) {
            (Some(rest), Some(home)) => Some(PathBuf::from(home).join(rest)),
            _ => Some(PathBuf::from(value)),
        }
    }

    fn hf_home(&self) -> Option<PathBuf> {
        let user_cache = || {
            let home = || self.var("HOME").or_else(|| Some(env::home_dir()?.to_str()?.to_owned()));
            self.path("XDG_CACHE_HOME").or_else(|| Some(PathBuf::from(home()?).join(".cache")))
        };
        self.path("HF_HOME").or_else(|| Some(user_cache()?.join("huggingface")))
    }

    fn cache(&mut self, home: Option<&PathBuf>) -> PathBuf {
        let named = self.path("HF_HUB_CACHE").or_else(|| self.path("HUGGINGFACE_HUB_CACHE"));
        named.or_else(|| Some(home?.join("hub"))).unwrap_or_else(|| {
            self.mistakes
                .push("no folder for downloads: set HF_HUB_CACHE, HF_HOME or HOME".to_owned());
            PathBuf::new()
        })
    }

    fn endpoint(&mut self) -> String {
        let value = self.var("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        let value = value.trim().trim_end_matches('/').to_owned();
        if !is_address(&value) {
            let shown = super::url::shown(&value);
            self.mistakes.push(format!(
                "HF_ENDPOINT is {shown:?}: it must be an http(s) address such as {DEFAULT_ENDPOINT}"
            ));
        }
        value
    }

    fn token(&mut self, home: Option<&PathBuf>) -> Option<Token> {
        let token = self.first(["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]).or_else(|| {
            let file = self.path("HF_TOKEN_PATH").or_else(|| Some(home?.join("token")))?;
            fs::read_to_string(file).ok()
        });
        let token = Token::new(&token?)?;
        // A header can carry no other characters; the value itself stays out of the message.
        if !token.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.mistakes.push(
                "the token in HF_TOKEN or the token file has characters no token has".to_owned(),
            );
        }
        Some(token)
    }

    fn is_true(&self, name: &str) -> bool {
        let value = self.var(name).unwrap_or_default().to_ascii_uppercase();
        ["1", "ON", "YES", "TRUE"].contains(&value.trim())
    }

    fn seconds(&mut self, name: &str) -> Duration {
        let Some(value) = self.var(name) else { return DEFAULT_TIMEOUT };
        match value.trim().parse() {
            Ok(seconds @ 1..=3600) => Duration::from_secs(seconds),
            _ => {
                self.mistakes
                    .push(format!("{name} is {value:?}: it must be whole seconds, 1 to 3600"));
                DEFAULT_TIMEOUT
            }
        }
    }
}

fn is_address(value: &str) -> bool {
    value.parse::<ureq::http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    })
}
