//! The settings of who may ask the API, and from where: keys, origins, the certificate. Their files
//! are read here, so that one that is of no use is a mistake like any other.

use std::path::PathBuf;

use super::{reader::Reader, settings::HIDDEN};
use crate::http::{
    Access,
    authorization::{ApiKey, ApiKeys},
    cors::Origins,
    tls::{Pair, Tls, TlsError},
};

impl Reader {
    /// Reads them all, and hides what nobody may read afterwards.
    pub(super) fn access(&mut self) -> Access {
        let access = Access {
            api_keys: self.api_keys(),
            cors: self.read("cors-origins", Origins::parse),
            tls: self.tls(),
        };
        if let Some((key, _)) = self.given.get_mut("api-key").filter(|(key, _)| !key.is_empty()) {
            *key = HIDDEN.to_owned();
        }
        access
    }

    fn api_keys(&mut self) -> Option<ApiKeys> {
        let one = self.read("api-key", |text| match text {
            "" => Ok(None),
            text => ApiKey::parse(text).map(Some).map_err(|error| error.to_string()),
        });
        let file = self.path("api-key-file");
        ApiKeys::load(one, file).unwrap_or_else(|error| {
            self.refuse("api-key-file", error.to_string());
            None
        })
    }

    fn tls(&mut self) -> Option<Tls> {
        match (self.path("tls-cert"), self.path("tls-key")) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let loaded = Tls::load(Pair { certificate, key });
                loaded.map_err(|error| self.refuse(at_fault(&error), error.to_string())).ok()
            }
            (Some(_), None) => {
                self.refuse("tls-cert", "give --tls-key too, the certificate's private key".into());
                None
            }
            (None, Some(_)) => {
                self.refuse("tls-key", "give --tls-cert too, the certificate of this key".into());
                None
            }
        }
    }

    fn path(&self, flag: &'static str) -> Option<PathBuf> {
        let path = self.text(flag).trim();
        (!path.is_empty()).then(|| PathBuf::from(path))
    }
}

/// The setting that is to be corrected.
fn at_fault(error: &TlsError) -> &'static str {
    match error {
        TlsError::Certificate { .. } => "tls-cert",
        TlsError::Key { .. } => "tls-key",
    }
}
