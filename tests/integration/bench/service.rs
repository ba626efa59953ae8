//! Against the real service.

use serde_json::json;

use super::{bench, measure, text};
use crate::service::{limited, shared};

#[test]
fn a_closed_loop_sends_as_many_requests_as_it_is_told_by_every_route() {
    for (route, images) in [("/embed/base64", 2), ("/embed/batch", 2), ("/embed", 1)] {
        let images_text = images.to_string();
        let arguments = ["--route", route, "--images", &images_text];
        let length = ["--clients", "2", "--requests", "3"];
        let (report, status) = measure(shared().api, &[arguments, length].concat());
        assert_eq!(status, 0, "{report:#}");
        assert_eq!(report["requests"]["due"], 3, "{route}");
        assert_eq!(report["statuses"], json!({"200": 3}), "{route}");
        assert_eq!(report["latency_ms"]["ok"]["count"], 3, "{route}");
        assert_eq!(report["sent"]["images_per_request"], images, "{route}");
        // Keep-alive: no more connections than clients.
        assert!(report["connections"]["opened"].as_u64().unwrap() <= 2, "{report:#}");
        let rate = |unit: &str| report["goodput"][unit].as_f64().unwrap();
        let images_per_request = rate("images_per_second") / rate("requests_per_second");
        assert!((images_per_request - f64::from(images)).abs() < 0.1, "{report:#}");
    }
}

#[test]
fn an_open_loop_keeps_its_schedule_while_paths_are_probed() {
    let admin = format!("http://{}", shared().admin.unwrap());
    let probes = ["--probe", "/health", "--probe", "/model-info", "--probe-url", &admin];
    let load = ["--rate", "2", "--duration", "2s", "--warmup", "500ms", "--probe-timeout", "30s"];
    let (report, status) = measure(shared().api, &[&probes[..], &load].concat());
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(report["requests"]["due"], 4, "{report:#}");
    assert_eq!(report["measured_seconds"], 2.0);
    assert_eq!(report["load"], json!({"clients": null, "rate": 2.0}));
    for (probe, path) in report["probes"].as_array().unwrap().iter().zip(["/health", "/model-info"])
    {
        assert_eq!((&probe["path"], &probe["url"]), (&json!(path), &json!(admin)));
        assert!(probe["polls"].as_u64().unwrap() >= 20, "{report:#}");
        assert_eq!(probe["failures"], 0);
    }
}

#[test]
fn the_table_says_what_the_document_says() {
    let url = format!("http://{}", shared().api);
    let arguments = ["--url", &url, "--requests", "1", "--photo", "64x48", "--format", "png"];
    let output = bench(&arguments).output().unwrap();
    let table = text(&output.stdout);
    assert!(output.status.success(), "{table}");
    let first = format!("{url}/embed/base64: 1 of 4 photos a request, ");
    assert!(table.starts_with(&first), "{table}");
    assert!(table.ends_with("\npassed\n"), "{table}");
}

#[test]
fn a_status_that_is_not_expected_is_a_fault() {
    let load = ["--images", "5", "--requests", "2", "--clients", "1"];
    let (report, status) = measure(limited().api, &load);
    assert_eq!((status, &report["statuses"]), (1, &json!({"413": 2})));
    let fault = "2 answers with status 413, which is not in --expect";
    assert_eq!((&report["passed"], &report["faults"]), (&json!(false), &json!([fault])));

    let (report, status) = measure(limited().api, &[&load[..], &["--expect", "200,413"]].concat());
    assert_eq!((status, &report["faults"]), (0, &json!([])));
}

#[test]
fn a_failing_probe_is_a_fault() {
    let load = ["--requests", "1", "--probe", "/no-such-path", "--probe-timeout", "30s"];
    let (report, status) = measure(shared().api, &load);
    assert_eq!(status, 1);
    let probe = &report["probes"][0];
    assert_eq!((&probe["failures"], &probe["statuses"]["404"]), (&probe["polls"], &probe["polls"]));
}
