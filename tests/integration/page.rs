//! The page at `/`: complete within the binary, under a strict policy, cached by its content, and
//! there only where it is wanted. `checks/page.sh` drives it in a browser.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use crate::service::{Reply, Service, send, shared};

const TYPES: [(&str, &str); 4] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
];

/// The files in the repository, each with the path where it is served.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/page");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let address = if name == "index.html" { "/".to_owned() } else { format!("/page/{name}") };
        (address, std::fs::read_to_string(path).unwrap())
    });
    files.collect()
}

#[track_caller]
fn get(path: &str) -> Reply {
    let reply = shared().get(path);
    assert_eq!(reply.status, 200, "{path}");
    reply
}

#[test]
fn every_file_is_served_as_it_is_with_its_type() {
    let files = files();
    assert!(files.len() > 10, "{files:?}");
    for (path, text) in files {
        let reply = get(&path);
        assert_eq!(reply.text(), text, "{path}");
        let ending = path.rsplit_once('.').map_or("html", |(_, ending)| ending);
        let (_, expected) = TYPES.iter().find(|(name, _)| *name == ending).unwrap();
        assert_eq!(reply.header("content-type"), Some(*expected), "{path}");
    }
}

#[test]
fn what_the_page_names_is_there_and_nothing_is_elsewhere() {
    let mut named = BTreeSet::new();
    for (path, text) in files() {
        for (quote, scheme) in ["\"", "'", "(", "`"].into_iter().flat_map(|quote| {
            ["http:", "https:", "//", "data:", "ws:", "wss:"].map(|scheme| (quote, scheme))
        }) {
            // The one name that looks like an address: of SVG's elements.
            let foreign = text.replace("\"http://www.w3.org/2000/svg\"", "");
            assert!(!foreign.contains(&format!("{quote}{scheme}")), "{path} names {scheme}");
        }
        assert!(!text.contains("@import") && !text.contains("url("), "{path}");
        for attribute in ["src=\"", "href=\"", "from \"./", "new URL(\""] {
            let found = text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
            let below = if path == "/" { "/" } else { "/page/" };
            named.extend(
                found.filter(|name| !name.starts_with('#')).map(|name| format!("{below}{name}")),
            );
        }
    }
    for needed in ["/page/page.css", "/page/page.js", "/page/tree-worker.js", "/docs", "/metrics"] {
        assert!(named.contains(needed), "{needed} of {named:?}");
    }
    for path in named {
        get(&path);
    }
}

/// The directives of a content security policy.
fn policy(reply: &Reply) -> HashMap<&str, &str> {
    let policy = reply.header("content-security-policy").unwrap();
    policy.split(';').map(|directive| directive.trim().split_once(' ').unwrap()).collect()
}

#[test]
fn the_policy_allows_nothing_but_this_service() {
    for (path, _) in files() {
        let reply = get(&path);
        let policy = policy(&reply);
        for (directive, allowed) in [
            ("default-src", "'none'"),
            ("script-src", "'self'"),
            ("style-src", "'self'"),
            ("worker-src", "'self'"),
            ("connect-src", "'self'"),
            ("img-src", "'self' blob:"),
            ("base-uri", "'none'"),
            ("form-action", "'none'"),
            ("frame-ancestors", "'none'"),
            ("require-trusted-types-for", "'script'"),
        ] {
            assert_eq!(policy.get(directive), Some(&allowed), "{path} {directive}");
        }
        let sources: String = policy.values().copied().collect();
        assert!(!sources.contains("unsafe") && !sources.contains('*'), "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
    }
}

/// What the policy forbids is not in the page either: browsers would only leave it out.
#[test]
fn no_script_or_style_stands_in_the_page_itself() {
    let page = get("/");
    let page = page.text().to_ascii_lowercase();
    for forbidden in ["<style", " style=", "javascript:", " onclick=", " onload=", " onerror="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    for script in page.split("<script").skip(1) {
        assert!(script.contains(" src=\"page/") && script.contains("></script>"), "{script}");
    }
    for (path, text) in files() {
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
        {
            assert!(!text.contains(forbidden), "{path} {forbidden}");
        }
    }
}

#[test]
fn a_file_that_the_browser_has_is_not_sent_again() {
    let mut tags = BTreeSet::new();
    for (path, _) in files() {
        let first = get(&path);
        let tag = first.header("etag").unwrap();
        assert_eq!(first.header("cache-control"), Some("no-cache"), "{path}");
        for known in [tag, &format!("\"other\", {tag}"), tag.trim_start_matches("W/"), "*"] {
            let again = shared().send("GET", &path, &[("if-none-match", known)], b"");
            assert_eq!((again.status, again.body.len()), (304, 0), "{path} {known}");
            assert_eq!(again.header("etag"), Some(tag), "{path}");
            assert!(again.header("content-security-policy").is_some(), "{path}");
        }
        let other = shared().send("GET", &path, &[("if-none-match", "\"other\"")], b"");
        assert_eq!((other.status, other.text()), (200, first.text()), "{path}");
        tags.insert(tag.to_owned());
    }
    assert_eq!(tags.len(), files().len(), "each file has a tag of its own");
}

#[test]
fn head_tells_what_get_would() {
    for path in ["/", "/page/page.js"] {
        let get = get(path);
        let head = shared().send("HEAD", path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        for header in ["content-type", "content-length", "etag", "content-security-policy"] {
            assert_eq!(head.header(header), get.header(header), "{path} {header}");
        }
    }
}

#[test]
fn other_names_and_methods_are_refused_as_everywhere() {
    for path in ["/page", "/page/", "/page/nothing.js", "/page/index.html", "/page/..%2fpage.rs"] {
        assert_eq!(shared().get(path).with_status(404)["code"], "not_found", "{path}");
    }
    assert_eq!(shared().send("PUT", "/", &[], b"").with_status(405)["code"], "method_not_allowed");
}

#[test]
fn the_admin_port_has_no_page() {
    let admin = shared().admin.unwrap();
    for path in ["/", "/page/page.js"] {
        assert_eq!(send(admin, "GET", path, &[], b"").with_status(404)["code"], "not_found");
    }
}

#[test]
fn switched_off_there_is_none() {
    let service = Service::tiny(&["--page", "off"]);
    for path in ["/", "/page/page.js", "/page/icon.svg"] {
        assert_eq!(service.get(path).with_status(404)["code"], "not_found", "{path}");
    }
    assert_eq!(service.get("/docs").status, 200);
}
