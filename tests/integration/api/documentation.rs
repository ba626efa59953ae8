//! `/openapi.json` describes the service that runs, and `/docs` shows it without the internet.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::service::{Reply, shared};

/// The routes that clients call; the documentation's own two are not part of it.
const ROUTES: [(&str, &str); 44] = [
    ("post", "/"),
    ("post", "/classify"),
    ("post", "/duplicates"),
    ("post", "/embed"),
    ("post", "/embed/base64"),
    ("post", "/embed/batch"),
    ("post", "/embed/text"),
    ("post", "/embeddings"),
    ("post", "/embeddings_image"),
    ("get", "/gpu-info"),
    ("get", "/health"),
    ("get", "/healthz"),
    ("get", "/info"),
    ("get", "/livez"),
    ("get", "/metrics"),
    ("get", "/model-info"),
    ("get", "/models"),
    ("get", "/readyz"),
    ("get", "/startupz"),
    ("post", "/similarity"),
    ("post", "/v1/embeddings"),
    ("post", "/v1/embeddings_image"),
    ("get", "/v1/health/live"),
    ("get", "/v1/health/ready"),
    ("get", "/v1/metadata"),
    ("get", "/v1/metrics"),
    ("get", "/v1/models"),
    ("get", "/v1/models/{id}"),
    ("get", "/v1/version"),
    ("get", "/v2"),
    ("get", "/v2/health/live"),
    ("get", "/v2/health/ready"),
    ("get", "/v2/models/stats"),
    ("get", "/v2/models/{model}"),
    ("get", "/v2/models/{model}/config"),
    ("post", "/v2/models/{model}/infer"),
    ("get", "/v2/models/{model}/ready"),
    ("get", "/v2/models/{model}/stats"),
    ("get", "/v2/models/{model}/versions/{version}"),
    ("get", "/v2/models/{model}/versions/{version}/config"),
    ("post", "/v2/models/{model}/versions/{version}/infer"),
    ("get", "/v2/models/{model}/versions/{version}/ready"),
    ("get", "/v2/models/{model}/versions/{version}/stats"),
    ("post", "/v2/repository/index"),
];

fn document() -> Value {
    shared().get("/openapi.json").with_status(200)
}

#[test]
fn every_route_is_documented_and_every_documented_route_exists() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            documented.insert((method.clone(), path.clone()));
            let path = path
                .replace("{id}", "ViT-B-32")
                .replace("{model}", "clip_vit_b32")
                .replace("{version}", "1");
            let reply = shared().send(&method.to_uppercase(), &path, &[], b"");
            assert!(![404, 405].contains(&reply.status), "{method} {path}: {}", reply.status);
        }
    }
    let routes = ROUTES.map(|(method, path)| (method.to_owned(), path.to_owned()));
    assert_eq!(documented, BTreeSet::from(routes));
}

#[test]
fn references_within_the_document_lead_somewhere() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut values = vec![&document];
    while let Some(value) = values.pop() {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match value {
            Value::Array(list) => values.extend(list),
            Value::Object(fields) => values.extend(fields.values()),
            _ => {}
        }
    }
}

#[test]
fn answers_have_the_documented_fields() {
    let schemas = &document()["components"]["schemas"];
    for (path, schema) in
        [("/health", "Health"), ("/model-info", "ModelAnswer"), ("/gpu-info", "GpuInfo")]
    {
        let answer = shared().get(path).with_status(200);
        let described = properties(schemas, &schemas[schema]);
        for field in answer.as_object().unwrap().keys() {
            assert!(described.contains(field), "{path}: {field}");
        }
        for field in required(schemas, &schemas[schema]) {
            assert!(answer.get(&field).is_some(), "{path}: {field}");
        }
    }
}

/// A schema and those that it is made of.
fn parts<'a>(schemas: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let parts = parts.map(|part| match part.get("$ref").and_then(Value::as_str) {
        Some(reference) => &schemas[reference.rsplit('/').next().unwrap()],
        None => part,
    });
    [schema].into_iter().chain(parts).collect()
}

fn properties(schemas: &Value, schema: &Value) -> BTreeSet<String> {
    let parts = parts(schemas, schema).into_iter();
    parts
        .filter_map(|part| part["properties"].as_object())
        .flat_map(|p| p.keys().cloned())
        .collect()
}

fn required(schemas: &Value, schema: &Value) -> BTreeSet<String> {
    let names = |part: &Value| part["required"].as_array().cloned().unwrap_or_default();
    let names = parts(schemas, schema).into_iter().flat_map(names);
    names.map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn docs_is_a_page_whose_parts_are_all_served_here() {
    let page = page("/docs", "text/html");
    let parts: Vec<_> = loaded(page.text()).collect();
    assert!(parts.len() >= 7, "{parts:?}");
    for part in parts {
        assert!(!part.contains("//"), "{part} is loaded from elsewhere");
        assert_eq!(shared().get(&format!("/{part}")).status, 200, "{part}");
    }
    assert_eq!(shared().get("/docs/").header("location"), Some("/docs"));
    assert_eq!(shared().get("/docs/nothing.js").with_status(404)["detail"], "Not Found");
}

#[test]
fn docs_shows_this_document_and_asks_no_validator() {
    let settings = page("/docs/swagger-initializer.js", "text/javascript");
    let settings = settings.text();
    assert!(settings.contains(r#""url": "/openapi.json""#), "{settings}");
    // By itself Swagger UI sends the document's address to validator.swagger.io.
    assert!(settings.contains(r#""validatorUrl": "none""#), "{settings}");
    assert!(!settings.contains("://"), "{settings}");
    let style = page("/docs/swagger-ui.css", "text/css");
    assert!(!style.text().contains("url(http") && !style.text().contains("@import"));
}

#[track_caller]
fn page(path: &str, content_type: &str) -> Reply {
    let reply = shared().get(path);
    assert_eq!(reply.status, 200, "{path}");
    assert!(reply.header("content-type").unwrap().starts_with(content_type), "{path}");
    reply
}

/// What the elements of a page load.
fn loaded(page: &str) -> impl Iterator<Item = &str> {
    let attributes = ["src=\"", "href=\""].into_iter();
    attributes
        .flat_map(|attribute| page.split(attribute).skip(1))
        .filter_map(|rest| rest.split('"').next())
}
