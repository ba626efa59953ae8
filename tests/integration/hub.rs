//! Files come from the hub whole, or the error says why not: `inference_service::model::hub`
//! against a hub on this machine. No test leaves it, and none waits: pauses are recorded instead.

mod cache;
mod download;
mod offline;
mod refusal;
mod settings;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use inference_service::model::hub::{Hub, Report, Settings, Token};
use tempfile::TempDir;

use crate::hub_server::HubServer;

const TOKEN: &str = "hf_SECRETsecretSECRET";
const WEIGHTS: &str = "open_clip_model.safetensors";

/// A hub, an empty cache, and the settings that join them.
struct Bench {
    server: HubServer,
    folder: TempDir,
    pauses: Arc<Mutex<Vec<u64>>>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { server: HubServer::start(), folder, pauses: Arc::default(), lines: Arc::default() }
    }

    /// A hub with one large file, which is its content.
    fn with_weights() -> (Self, Vec<u8>) {
        let (bench, content) = (Self::new(), weights());
        bench.server.large(WEIGHTS, &content);
        (bench, content)
    }

    fn cache(&self) -> &Path {
        self.folder.path()
    }

    fn settings(&self) -> Settings {
        let (pauses, lines) = (Arc::clone(&self.pauses), Arc::clone(&self.lines));
        let home = self.cache().to_str().unwrap().to_owned();
        let env = move |name: &str| (name == "HF_HOME").then(|| home.clone());
        Settings {
            cache: self.cache().to_owned(),
            endpoint: self.server.endpoint().to_owned(),
            token: Token::new(TOKEN),
            proxies_from_env: false,
            pause: Arc::new(move |pause: Duration| pauses.lock().unwrap().push(pause.as_secs())),
            report: Report::Lines(Arc::new(move |step| {
                lines.lock().unwrap().push(step.to_string())
            })),
            ..Settings::from_env(env).unwrap()
        }
    }

    fn hub(&self) -> Hub {
        Hub::new(self.settings())
    }

    fn pauses(&self) -> Vec<u64> {
        self.pauses.lock().unwrap().clone()
    }

    /// A file in the repository's part of the cache.
    fn stored(&self, path: &str) -> std::path::PathBuf {
        self.cache().join("models--org--name").join(path)
    }
}

fn weights() -> Vec<u8> {
    (0..100_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}
