//! Reads Prometheus' text format, and refuses what Prometheus would refuse.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::service::send;

/// What `/metrics` told.
#[derive(Debug)]
pub struct Exposition {
    pub families: BTreeMap<String, Family>,
}

/// One metric with its series.
#[derive(Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    pub samples: BTreeMap<Series, f64>,
}

/// Name and labels of one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

/// Asks for the metrics of the service at `address`.
pub fn scrape(address: SocketAddr) -> Exposition {
    let reply = send(address, "GET", "/metrics", &[], b"");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    Exposition::parse(reply.text())
}

impl Exposition {
    /// # Panics
    /// Where Prometheus would not take `text`, or where what it says is inconsistent.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix("# ") {
                let (keyword, rest) = comment.split_once(' ').expect(line);
                let (name, said) = rest.split_once(' ').expect(line);
                assert!(is_name(name), "{line}");
                let is_new = !families.contains_key(name);
                assert!(is_new || current == name, "{name} comes in two places");
                current = name.to_owned();
                let family = families.entry(current.clone()).or_default();
                let field = match keyword {
                    "HELP" => &mut family.help,
                    "TYPE" => &mut family.kind,
                    _ => panic!("{line}"),
                };
                assert!(field.is_empty() && family.samples.is_empty(), "{line}");
                said.clone_into(field);
            } else {
                let (series, value) = sample(line);
                let family = families.get_mut(&current).expect(line);
                let suffixes: &[&str] = match family.kind.as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                let suffix = series.name.strip_prefix(&current).expect(line);
                assert!(suffixes.contains(&suffix), "{line}");
                assert_eq!(family.samples.insert(series, value), None, "twice: {line}");
            }
        }
        let exposition = Self { families };
        exposition.families.iter().for_each(|(name, family)| family.check(name));
        exposition
    }

    /// The value of a series, 0 where there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let series = Series {
            name: name.to_owned(),
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        };
        let found = self.families.values().find_map(|family| family.samples.get(&series));
        found.copied().unwrap_or(0.0)
    }

    /// All series, without their values.
    pub fn series(&self) -> BTreeSet<&Series> {
        self.families.values().flat_map(|family| family.samples.keys()).collect()
    }
}

impl Family {
    /// Names of its labels, without `le`.
    pub fn labels(&self) -> BTreeSet<&str> {
        let names = self.samples.keys().flat_map(|series| series.labels.keys());
        names.map(String::as_str).filter(|name| *name != "le").collect()
    }

    fn check(&self, name: &str) {
        assert!(["counter", "gauge", "histogram"].contains(&self.kind.as_str()), "{name}");
        assert!(!self.help.is_empty(), "{name} has no help");
        assert!(!self.samples.is_empty(), "{name} has no series");
        for (series, value) in &self.samples {
            let never_less = self.kind != "gauge";
            assert!(value.is_finite() && !(never_less && *value < 0.0), "{series:?} {value}");
        }
        if self.kind == "histogram" {
            self.check_histogram(name);
        }
    }

    /// Buckets grow, and the last one, which has no bound, is the count.
    fn check_histogram(&self, name: &str) {
        let mut by_labels: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
        for (Series { labels, .. }, value) in &self.samples {
            let mut labels = labels.clone();
            let Some(bound) = labels.remove("le") else { continue };
            by_labels.entry(labels).or_default().push((bound.parse().unwrap(), *value));
        }
        assert!(!by_labels.is_empty(), "{name}");
        for (labels, mut buckets) in by_labels {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name} {labels:?}");
            let (last, all) = *buckets.last().unwrap();
            assert_eq!(last, f64::INFINITY, "{name} {labels:?}");
            let series =
                |suffix| Series { name: format!("{name}_{suffix}"), labels: labels.clone() };
            assert_eq!(self.samples[&series("count")], all, "{name} {labels:?}");
            assert!(self.samples.contains_key(&series("sum")), "{name} {labels:?}");
        }
    }
}

fn sample(line: &str) -> (Series, f64) {
    let end = line.find(['{', ' ']).expect(line);
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").expect(line);
            assert!(is_name(label) && !label.contains(':'), "{line}");
            let (value, after) = quoted(after).expect(line);
            assert_eq!(labels.insert(label.to_owned(), value), None, "{line}");
            rest = match after.strip_prefix(',') {
                Some(more) => more,
                None => break rest = after.strip_prefix('}').expect(line),
            };
        }
    }
    let value = rest.strip_prefix(' ').expect(line).parse().expect(line);
    (Series { name: name.to_owned(), labels }, value)
}

/// A label's value up to its closing quote, and what comes after.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            (_, plain) => value.push(plain),
        }
    }
}

fn is_name(name: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit())
}
