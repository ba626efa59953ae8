//! With API keys, whoever has none is refused before anything is read of him, but for what probes,
//! Prometheus and browsers ask; keys are rotated without a restart and never shown.

use std::{collections::BTreeSet, path::Path};

use inference_service::http::authorization::is_exempt;
use serde_json::Value;

use crate::{
    metrics::scrape,
    service::{CAT, Reply, Service, SilentHub, binary, send},
};

const KEY: &str = "SeCrEt7531-of-the-app";
const OTHER: &str = "SeCrEt9642-of-another";

/// What needs no key.
const OPEN: [&str; 11] = [
    "/health",
    "/healthz",
    "/startupz",
    "/readyz",
    "/livez",
    "/metrics",
    "/v1/health/live",
    "/v1/health/ready",
    "/v1/metrics",
    "/v2/health/live",
    "/v2/health/ready",
];

/// What a browser loads, which needs none either; the document does not list it.
const PAGES: [&str; 6] =
    ["/", "/docs", "/docs/", "/docs/swagger-ui.css", "/openapi.json", "/api-doc/openapi.json"];

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// The answer to `method` on `path` with this header.
fn ask(service: &Service, method: &str, path: &str, authorization: &str) -> Reply {
    service.send(method, path, &[("authorization", authorization)], b"")
}

#[track_caller]
fn assert_refused(reply: &Reply) {
    let answer = reply.with_status(401);
    // Each protocol has a shape of its own for it.
    let error = if answer["error"].is_object() { &answer["error"] } else { &answer };
    let message =
        ["detail", "message", "error"].into_iter().find_map(|field| error[field].as_str());
    assert!(message.unwrap().contains("Authorization"), "{answer}");
    if error.get("code").is_some() {
        assert_eq!(error["code"], "unauthorized");
    }
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    assert!(reply.header("x-request-id").is_some());
    assert!(!reply.text().contains("SeCrEt"), "{answer}");
}

#[test]
fn every_route_but_those_of_probes_and_browsers_wants_a_key() {
    let service = Service::tiny_with_admin(&["--api-key", KEY]);
    let document = service.get("/openapi.json").with_status(200);
    let (mut open, mut closed) = (BTreeSet::new(), 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let without = service.send(&method.to_uppercase(), path, &[], b"");
            let with = ask(&service, &method.to_uppercase(), path, &bearer(KEY));
            assert_ne!(with.status, 401, "{method} {path}");
            if without.status == 401 {
                assert_refused(&without);
                assert_eq!(operation["security"][0]["api_key"], Value::Array(vec![]), "{path}");
                assert!(operation["responses"]["401"].is_object(), "{path}");
                closed += 1;
            } else {
                assert!(operation["security"].is_null(), "{path}");
                open.insert(path.clone());
            }
        }
    }
    assert_eq!(open, OPEN.map(str::to_owned).into());
    assert!(closed >= 5);
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    for path in PAGES {
        assert!([200, 307].contains(&service.get(path).status), "{path}");
        assert!(is_exempt(path), "{path}");
    }
    // What is not there is told to nobody.
    for (method, path) in [
        ("GET", "/nowhere"),
        ("DELETE", "/embed"),
        ("GET", "/docs/../embed"),
        // Where a page lies that anybody may load, something else is done by POST.
        ("POST", "/"),
        ("POST", "/metrics"),
    ] {
        assert_refused(&service.send(method, path, &[], b""));
    }
    assert_eq!(ask(&service, "GET", "/nowhere", &bearer(KEY)).status, 404);
    assert_eq!(ask(&service, "DELETE", "/embed", &bearer(KEY)).status, 405);
    // Whoever reaches the admin port may ask.
    for path in OPEN.iter().filter(|path| !path.starts_with("/v")).chain(&["/model-info"]) {
        assert_eq!(send(service.admin.unwrap(), "GET", path, &[], b"").status, 200, "{path}");
    }
}

#[test]
fn a_key_is_sent_as_a_bearer_token_and_nothing_else_will_do() {
    let service = Service::tiny(&["--api-key", KEY]);
    for good in [bearer(KEY), format!("bearer {KEY}"), format!("BEARER  {KEY}")] {
        assert_eq!(ask(&service, "GET", "/model-info", &good).status, 200, "{good}");
    }
    let bad = [
        "Bearer",
        "Bearer ",
        KEY,
        "Basic SeCrEt",
        &bearer(OTHER),
        &bearer(&KEY[1..]),
        &bearer(&KEY.to_lowercase()),
        &bearer(&format!("{KEY}, {KEY}")),
    ];
    for bad in bad {
        assert_refused(&ask(&service, "GET", "/model-info", bad));
    }
    assert_refused(&service.get(&format!("/model-info?api_key={KEY}")));
}

#[test]
fn without_keys_nobody_needs_one() {
    let service = Service::tiny(&[]);
    assert_eq!(ask(&service, "GET", "/model-info", &bearer(OTHER)).status, 200);
    let document = service.get("/openapi.json").with_status(200);
    assert!(document["components"]["securitySchemes"].is_null());
}

#[test]
fn a_body_is_refused_before_a_byte_of_it_is_read() {
    let service = Service::tiny(&["--api-key", KEY]);
    let mut connection = service.connect();
    connection.write(
        "POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: 200000000\r\nexpect: 100-continue\r\n\r\n",
    );
    assert_refused(&connection.read());
    let metrics = scrape(service.api);
    let refusals = &metrics.families["inference_refusals_total"].samples;
    let refused = refusals.iter().find(|(series, _)| series.labels["reason"] == "unauthorized");
    assert_eq!(refused.map(|(_, count)| *count), Some(1.0));
}

#[test]
fn a_service_without_a_model_lets_nobody_in_either() {
    let hub = SilentHub::new();
    let service = Service::starting_with(&hub, &["--api-key", KEY]);
    assert_refused(&service.post("/embed", "image/png", &CAT));
    assert_eq!(ask(&service, "POST", "/embed", &bearer(KEY)).status, 503);
    assert_eq!(service.get("/health").status, 503);
}

/// Puts a new file in the place of the old one, whole.
fn replace(path: &Path, content: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, content).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[test]
fn keys_are_rotated_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("# the app\n{KEY}\n")).unwrap();
    let flags = ["--api-key-file", path.to_str().unwrap(), "--api-key", "SeCrEt-that-stays"];
    let service = Service::tiny(&flags);
    let statuses =
        |keys: [&str; 3]| keys.map(|key| ask(&service, "GET", "/model-info", &bearer(key)).status);
    let all = [KEY, OTHER, "SeCrEt-that-stays"];
    assert_eq!(statuses(all), [200, 401, 200]);
    replace(&path, &format!("{OTHER}\n"));
    let message = "changed files are in force";
    service.await_log("new keys", |line| line["message"] == message && line["what"] == "API keys");
    assert_eq!(statuses(all), [401, 200, 200]);
    replace(&path, "# nobody\n");
    service.await_log("no keys", |line| {
        let error = line["error"].as_str().unwrap_or_default();
        line["level"] == "WARN" && error.contains("holds no key")
    });
    assert_eq!(statuses(all), [401, 200, 200]);
}

#[test]
fn no_key_is_logged_or_counted() {
    let service = Service::tiny(&["--api-key", KEY, "--log-level", "debug"]);
    for key in [KEY, OTHER] {
        ask(&service, "GET", "/model-info", &bearer(key));
    }
    let last = [("x-request-id", "the-last")];
    let metrics = service.send("GET", "/metrics", &last, b"");
    service.await_log("the last request", |line| line["span"]["id"] == "the-last");
    let log = serde_json::to_string(&service.logged()).unwrap();
    for text in [metrics.text(), &log] {
        assert!(!text.contains("SeCrEt"), "{text}");
    }
}

#[test]
fn the_programs_beside_the_service_still_work() {
    let service = Service::tiny(&["--api-key", KEY]);
    let url = format!("http://{}", service.api);
    let bench = |arguments: &[&str], env: &[(&str, &str)]| {
        let common = ["bench", "--url", &url, "--requests", "3", "--clients", "1"];
        let probes = ["--probe", "/model-info", "--probe-rate", "1"];
        let mut program = binary();
        program.args(common).args(probes).args(arguments).envs(env.iter().copied());
        let output = program.output().unwrap();
        for text in [&output.stdout, &output.stderr] {
            assert!(!str::from_utf8(text).unwrap().contains("SeCrEt"), "{output:?}");
        }
        output.status.code()
    };
    assert_eq!(bench(&[], &[]), Some(1));
    assert_eq!(bench(&["--expect", "401"], &[("API_KEY", "none")]), Some(1), "the probes fail");
    assert_eq!(bench(&["--api-key", KEY], &[("API_KEY", OTHER)]), Some(0));
    assert_eq!(bench(&[], &[("API_KEY", KEY)]), Some(0));
    assert_eq!(bench(&["--api-key", "SeCrEt\n"], &[]), Some(1), "trimmed, and no key");
    assert_eq!(bench(&["--api-key", "SeCrEt\nmore"], &[]), Some(64));
    let port = service.api.port().to_string();
    let mut health = binary();
    health.arg("health").env("PORT", &port).env("ADMIN_PORT", "0").env("API_KEY", KEY);
    assert!(health.output().unwrap().status.success());
}
