//! The fields of the JSON document are those that docs/load-testing.md lists.

use std::collections::BTreeSet;

use serde_json::Value;

use super::measure;
use crate::service::shared;

const DOCS: &str = include_str!("../../../docs/load-testing.md");

/// What has keys of its own that are no fields.
const MAPS: [&str; 3] = ["statuses", "transport_errors", "transport_error_examples"];

/// The first column of the table whose head is `field`.
fn documented() -> BTreeSet<String> {
    let rows = DOCS.lines().skip_while(|line| !line.starts_with("| field |")).skip(2);
    let fields = rows.map_while(|row| row.strip_prefix("| ")?.split_once(" |"));
    let names = fields.flat_map(|(names, _)| names.split(", "));
    names.map(|name| name.trim_matches('`').to_owned()).collect()
}

/// The paths of `value`'s fields, `at` which it stands; a distribution is one field.
fn fields(value: &Value, at: &str) -> Vec<String> {
    let name = at.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Object(object) if !MAPS.contains(&name) && !object.contains_key("p999") => {
            let dot = if at.is_empty() { "" } else { "." };
            object
                .iter()
                .flat_map(|(key, value)| fields(value, &format!("{at}{dot}{key}")))
                .collect()
        }
        Value::Array(array) if array.first().is_some_and(Value::is_object) => {
            fields(&array[0], &format!("{at}[]"))
        }
        _ => vec![at.to_owned()],
    }
}

#[test]
fn the_documented_fields_are_those_of_the_document() {
    let load = ["--requests", "1", "--probe", "/health", "--probe-timeout", "30s"];
    let (report, _) = measure(shared().api, &load);
    assert_eq!(documented(), BTreeSet::from_iter(fields(&report, "")));
    let quantiles = report["latency_ms"]["ok"].as_object().unwrap();
    for name in quantiles.keys() {
        assert!(DOCS.contains(&format!("`{name}`")), "{name}");
    }
}
