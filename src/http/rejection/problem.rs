//! A refusal in no protocol's shape yet.

use axum::http::StatusCode;
use serde_json::Value;

/// What was wrong with a request, for protocols that say it in another shape (`http::shape`), and
/// for the log.
#[derive(Clone, Debug)]
pub(in crate::http) struct Problem {
    pub status: StatusCode,
    pub detail: Value,
    pub code: &'static str,
    pub index: Option<usize>,
}

impl Problem {
    /// What was wrong, as one text.
    pub fn message(&self) -> String {
        let Value::Array(errors) = &self.detail else {
            return self.detail.as_str().map_or_else(|| self.detail.to_string(), str::to_owned);
        };
        let errors = errors.iter().map(|error| {
            let steps = error["loc"].as_array().into_iter().flatten();
            let steps: Vec<_> = steps
                .map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned))
                .collect();
            let why = error["ctx"]["error"].as_str().map(|why| format!(": {why}"));
            let msg = error["msg"].as_str().unwrap_or_default();
            format!("{}: {msg}{}", steps.join("."), why.unwrap_or_default())
        });
        errors.collect::<Vec<_>>().join("; ")
    }
}
