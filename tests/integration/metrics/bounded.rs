//! Whatever clients send, the number of series does not grow with it.

use std::collections::BTreeSet;

use super::exposition::scrape;
use crate::service::{send, shared};

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other"];

const GRPC: [&str; 3] = ["/inference.", "/grpc.health.", "/grpc.reflection."];

#[test]
fn paths_and_methods_of_clients_make_no_series() {
    let service = shared();
    for n in 0..300 {
        let paths = [
            format!("/{n}/never-a-route?secret={n}"),
            format!("/embed/{n}"),
            format!("/model-info/{n}/..%2F"),
            format!("/health?{n}=never-a-route"),
        ];
        let methods = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"];
        let invented = format!("BREW{n}");
        let method = methods.get(n % 9).copied().unwrap_or(&invented);
        let address = if n % 2 == 0 { service.api } else { service.admin.unwrap() };
        send(address, method, &paths[n % 4], &[], b"");
    }
    let metrics = scrape(service.api);
    let document = service.get("/openapi.json").with_status(200);
    let mut routes: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    // The routes of the documentation and of the page are not part of it; the probes are not on
    // every listener.
    routes.extend(["none", "/openapi.json", "/docs", "/docs/", "/docs/{file}"]);
    routes.extend(["/", "/page/{file}", "/api-doc/openapi.json", "/v1/models/{*id}"]);
    routes.extend(["/startupz", "/readyz", "/livez"]);
    // Nor are those that refuse whatever is sent.
    routes.extend(["/v2/repository/models/{model}/load", "/v2/repository/models/{model}/unload"]);
    let mut calls = BTreeSet::new();
    for series in metrics.series() {
        if let Some(route) = series.labels.get("route") {
            // Calls of gRPC are described elsewhere: `proto/inference.proto`.
            let is_call = GRPC.iter().any(|service| route.starts_with(service));
            assert!(is_call || routes.contains(route.as_str()), "{series:?}");
            calls.extend(is_call.then_some(route.as_str()));
            assert!(METHODS.contains(&series.labels["method"].as_str()), "{series:?}");
        }
        for value in series.labels.values() {
            assert!(!value.contains("BREW") && !value.contains("never"), "{series:?}");
        }
    }
    assert_eq!(calls.len(), 13, "{calls:?}");
}
