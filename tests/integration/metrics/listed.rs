//! `docs/metrics.md` against a service that has just begun, both ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use super::exposition::{Exposition, Family, scrape};
use crate::service::{Service, SilentHub, shared};

const PAGE: &str = include_str!("../../../docs/metrics.md");

/// What appears only once the model is loaded.
const LATER: &str = "inference_model_info";

/// A service that has answered nothing and has no model.
fn fresh() -> &'static Exposition {
    static FRESH: LazyLock<Exposition> = LazyLock::new(|| {
        let hub = SilentHub::new();
        scrape(Service::starting(&hub).api)
    });
    &FRESH
}

/// A row of the page's tables of metrics.
struct Row {
    kind: &'static str,
    unit: &'static str,
    labels: BTreeSet<&'static str>,
    meaning: &'static str,
}

fn rows() -> BTreeMap<&'static str, Row> {
    let rows = cells().filter_map(|cells| match cells[..] {
        [name, kind @ ("counter" | "gauge" | "histogram"), unit, labels, meaning, _] => {
            Some((name.trim_matches('`'), Row { kind, unit, labels: in_quotes(labels), meaning }))
        }
        _ => None,
    });
    let rows: Vec<_> = rows.collect();
    let count = rows.len();
    let rows = BTreeMap::from_iter(rows);
    assert_eq!(rows.len(), count, "a metric has two rows");
    rows
}

/// The cells of all rows of all tables.
fn cells() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    rows.map(|row| row.split('|').map(str::trim).collect())
}

fn in_quotes(text: &'static str) -> BTreeSet<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The cell beside `name` in one of the page's tables of two columns.
fn beside(name: &str) -> &'static str {
    let beside = |cells: Vec<&'static str>| match cells[..] {
        [first, second] if first.trim_matches('`') == name => Some(second),
        _ => None,
    };
    cells().find_map(beside).unwrap()
}

#[test]
fn the_page_lists_every_metric_and_every_listed_metric_is_there() {
    let ready = scrape(shared().api);
    let names: Vec<_> = ready.families.keys().map(String::as_str).collect();
    assert_eq!(names, rows().into_keys().collect::<Vec<_>>());
}

#[test]
fn every_metric_is_there_from_the_start_at_zero() {
    let names: Vec<_> = fresh().families.keys().map(String::as_str).collect();
    let listed: Vec<_> = rows().into_keys().filter(|name| *name != LATER).collect();
    assert_eq!(names, listed);
    for (name, Family { kind, samples, .. }) in &fresh().families {
        if kind == "gauge" || name == "process_cpu_seconds_total" {
            continue;
        }
        for (series, value) in samples {
            assert_eq!(*value, 0.0, "{series:?}");
        }
    }
}

#[test]
fn types_and_labels_are_those_of_the_page() {
    for exposition in [fresh(), &scrape(shared().api)] {
        let rows = rows();
        for (name, family) in &exposition.families {
            let row = &rows[name.as_str()];
            assert_eq!(family.kind, row.kind, "{name}");
            assert_eq!(family.labels(), row.labels, "{name}");
            assert!(row.meaning.len() > 5, "{name}");
        }
    }
}

/// Triton's names are kept as they are, for those who scrape them.
const TRITONS: &str = "nv_";

/// <https://prometheus.io/docs/practices/naming/>
#[test]
fn names_follow_prometheus_rules() {
    let ours = rows().into_iter().filter(|(name, _)| !name.starts_with(TRITONS));
    for (name, Row { kind, unit, .. }) in ours {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        let base = name.strip_suffix("_total").unwrap_or(name);
        for base_unit in ["seconds", "bytes"] {
            let suffixed = base.ends_with(&format!("_{base_unit}"));
            assert_eq!(suffixed, unit == base_unit, "{name} in {unit}");
        }
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        assert!(name.chars().all(lower), "{name}");
        for no_base_unit in ["milliseconds", "_ms", "minutes", "kilobytes", "_mb", "percent"] {
            assert!(!name.contains(no_base_unit), "{name}");
        }
        for kept in ["_count", "_sum", "_bucket"] {
            assert!(!name.ends_with(kept), "{name} looks like a part of a histogram");
        }
    }
}

#[test]
fn labels_take_the_listed_values_from_the_start() {
    let families = [
        ("outcome", "inference_images_total"),
        ("stage", "inference_stage_duration_seconds"),
        ("pool", "inference_memory_reserved_bytes"),
        ("pool", "inference_memory_limit_bytes"),
        ("reason", "inference_refusals_total"),
        ("place", "panics_total"),
        ("model", "nv_inference_count"),
        ("version", "nv_inference_request_success"),
    ];
    for (label, family) in families {
        let series = fresh().families[family].samples.keys();
        let values: BTreeSet<_> = series.map(|series| series.labels[label].as_str()).collect();
        assert_eq!(values, in_quotes(beside(label)), "{label} of {family}");
    }
}

#[test]
fn every_code_of_a_photo_is_an_outcome_that_the_readme_explains() {
    let readme = include_str!("../../../README.md");
    let fates = ["embedded", "expired", "abandoned"];
    for code in in_quotes(beside("outcome")).into_iter().filter(|value| !fates.contains(value)) {
        assert!(readme.contains(&format!(" | `{code}` | ")), "{code}");
    }
}

#[test]
fn histograms_have_the_listed_buckets_and_nothing_is_a_summary() {
    for (name, Family { kind, samples, .. }) in &fresh().families {
        assert!(samples.keys().all(|series| !series.labels.contains_key("quantile")), "{name}");
        if kind == "histogram" {
            let bounds = samples.keys().filter_map(|series| series.labels.get("le"));
            let mut bounds: Vec<f64> = bounds.map(|bound| bound.parse().unwrap()).collect();
            bounds.sort_by(f64::total_cmp);
            bounds.dedup();
            let listed = beside(name).split(", ").map(|bound| bound.parse().unwrap());
            assert_eq!(bounds, listed.chain([f64::INFINITY]).collect::<Vec<f64>>(), "{name}");
        }
    }
}

#[test]
fn every_documented_route_is_counted_from_the_start() {
    let document = shared().get("/openapi.json").with_status(200);
    let mut routes = vec![("GET".to_owned(), "/openapi.json".to_owned())];
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes
            .extend(methods.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())));
    }
    let requests = &fresh().families["http_requests_total"].samples;
    for (method, route) in routes {
        let statuses: BTreeSet<_> = requests
            .keys()
            // Both say in their own way that an id may have slashes.
            .filter(|series| series.labels["route"].replace("{*", "{") == route)
            .filter(|series| series.labels["method"] == method)
            .map(|series| series.labels["status"].as_str())
            .collect();
        assert!(statuses.contains("200"), "{method} {route}");
        // The index tells something, and has no model to wait for.
        if method == "POST" && route != "/v2/repository/index" {
            for status in ["400", "408", "413", "422", "429", "500", "503"] {
                assert!(statuses.contains(status), "{method} {route} {status}");
            }
        }
    }
}

#[test]
fn what_runs_is_told() {
    let ready = scrape(shared().admin.unwrap());
    let build = ready.families["inference_build_info"].samples.keys().next().unwrap();
    assert_eq!(build.labels["version"], env!("CARGO_PKG_VERSION"));
    assert!(["release", "debug"].contains(&build.labels["profile"].as_str()));
    let model = ready.families[LATER].samples.keys().next().unwrap();
    let info = shared().get("/model-info").with_status(200);
    for (label, value) in &model.labels {
        assert_eq!(info[label], **value, "{label}");
    }
}
