//! Pages of other origins may read answers only where `--cors-origins` names them; what their
//! browsers ask first is answered whatever else the service wants or lacks.

use crate::service::{Reply, Service, SilentHub, shared};

const APP: &str = "https://app.example";

/// What a browser asks before a page of `origin` may send JSON and a key.
fn preflight(service: &Service, origin: &str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,x-stainless-os"),
    ];
    service.send("OPTIONS", "/embed", &headers, b"")
}

fn get(service: &Service, path: &str, origin: &str) -> Reply {
    service.send("GET", path, &[("origin", origin)], b"")
}

#[test]
fn by_itself_no_answer_says_a_word_of_it() {
    for reply in [preflight(shared(), APP), get(shared(), "/health", APP)] {
        for name in ["origin", "methods", "headers"] {
            assert_eq!(reply.header(&format!("access-control-allow-{name}")), None);
        }
        assert_eq!(reply.header("access-control-expose-headers"), None);
        assert_eq!(reply.header("vary"), None);
    }
}

#[test]
fn the_named_origins_may_and_others_may_not() {
    let origins = "https://app.example, http://localhost:3000";
    let service = Service::tiny(&["--cors-origins", origins]);
    for origin in [APP, "http://localhost:3000"] {
        let reply = get(&service, "/health", origin);
        assert_eq!(reply.header("access-control-allow-origin"), Some(origin));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        let embeddings = ["x-embedding-shape", "x-embedding-dtype", "x-failed"];
        for name in ["x-request-id", "server-timing", "retry-after"].into_iter().chain(embeddings) {
            assert!(exposed.contains(name), "{exposed}");
        }
        assert!(reply.header("vary").unwrap().contains("origin"));
    }
    for origin in ["http://app.example", "https://app.example:8443", "https://b.example", "null"] {
        for reply in [get(&service, "/health", origin), preflight(&service, origin)] {
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
        }
    }
}

#[test]
fn a_browser_may_ask_without_a_key_and_before_there_is_a_model() {
    let hub = SilentHub::new();
    let service =
        Service::starting_with(&hub, &["--cors-origins", APP, "--api-key", "a-key-of-some-length"]);
    let reply = preflight(&service, APP);
    assert_eq!(reply.status, 200);
    assert!(reply.header("x-request-id").is_some());
    let header = |name: &str| reply.header(&format!("access-control-{name}")).unwrap();
    assert_eq!(header("allow-origin"), APP);
    assert_eq!(header("allow-methods"), "GET,POST");
    assert_eq!(header("allow-headers"), "authorization,content-type,x-stainless-os");
    assert_eq!(header("max-age"), "7200");
    assert_eq!(reply.header("access-control-allow-credentials"), None);
    // A page gets to read why it is refused.
    let refused = get(&service, "/model-info", APP);
    assert_eq!(refused.with_status(401)["code"], "unauthorized");
    assert_eq!(refused.header("access-control-allow-origin"), Some(APP));
}

#[test]
fn a_star_lets_every_page_read() {
    let service = Service::tiny_with_admin(&["--cors-origins", "*"]);
    for reply in [get(&service, "/health", APP), preflight(&service, "https://b.example")] {
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some("*")));
    }
    let admin =
        crate::service::send(service.admin.unwrap(), "GET", "/health", &[("origin", APP)], b"");
    assert_eq!(admin.header("access-control-allow-origin"), None);
}
