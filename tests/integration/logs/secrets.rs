//! Nothing that a client sends gets into the log, however much is logged: no photo, no value of a
//! header, of the query or of a form, no path.

use std::fmt::Write;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;

use crate::{
    connections::http2,
    service::{CAT, Service, base64, form, photo},
};

/// A text that stands in every value that is sent.
const SECRET: &str = "SeCrEt7531";

/// HTTP/2 has a library of its own, which logs what it reads.
#[tokio::main(flavor = "current_thread")]
async fn over_http2(service: &Service) {
    let (mut client, _) = http2(service).await;
    for photo in [&CAT[..], SECRET.as_bytes()] {
        let uri = format!("http://{}/embed?model_name={SECRET}", service.api);
        let mut request =
            Request::post(uri).body(Full::new(Bytes::copy_from_slice(photo))).unwrap();
        for (name, value) in headers("image/png") {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(client.send_request(request).await.unwrap().status(), 400);
    }
}

/// Headers with the secret in each value.
fn headers(content_type: &str) -> [(&'static str, &str); 8] {
    [
        ("content-type", content_type),
        ("authorization", "Bearer SeCrEt7531"),
        ("cookie", "session=SeCrEt7531"),
        ("user-agent", SECRET),
        ("referer", SECRET),
        ("x-api-key", SECRET),
        ("x-forwarded-for", SECRET),
        // Not printable as a whole, so that it is replaced.
        ("x-request-id", "SeCrEt7531 with a space"),
    ]
}

#[test]
fn nothing_that_clients_send_is_logged() {
    let service = Service::random(&["--log-level", "debug", "--max-body-bytes", "4MiB"]);
    let query = format!("x={SECRET}&{SECRET}=y&model_name={SECRET}&on_error={SECRET}");
    let mut answered = Vec::new();
    let mut post = |path: &str, content_type: &str, body: &[u8]| {
        for path in [path.to_owned(), format!("{path}?{query}")] {
            let reply = service.send("POST", &path, &headers(content_type), body);
            answered.push(reply.status);
        }
    };

    let good = base64(&CAT);
    let texts = [
        json!({"images": [good], SECRET: SECRET}).to_string(),
        json!({"images": [SECRET]}).to_string(),
        json!({"images": [base64(SECRET.as_bytes())]}).to_string(),
        json!({"images": [good], "model_name": SECRET, "pretrained": SECRET}).to_string(),
        json!({"images": [good], "on_error": SECRET}).to_string(),
        json!({"images": SECRET}).to_string(),
        json!({"images": [1, {SECRET: SECRET}, good]}).to_string(),
        format!(r#"{{"images": ["{SECRET}"#),
        SECRET.to_owned(),
    ];
    for text in &texts {
        post("/embed/base64", "application/json", text.as_bytes());
        post("/embed", "application/json", text.as_bytes());
    }
    let truncated = &photo("coffee-422-q50.jpg")[..3000];
    let forms = [
        form(&[("files", Some(SECRET), &CAT)]),
        form(&[("files", Some(SECRET), SECRET.as_bytes()), (SECRET, None, SECRET.as_bytes())]),
        form(&[("files", Some(SECRET), truncated), ("model_name", None, SECRET.as_bytes())]),
        form(&[(SECRET, Some(SECRET), &CAT)]),
    ];
    for (content_type, body) in &forms {
        post("/embed/batch", content_type, body);
    }
    post("/embed/batch", &format!("multipart/form-data; boundary={SECRET}"), SECRET.as_bytes());
    post("/embed/batch", "multipart/form-data", SECRET.as_bytes());
    post("/embed", "image/png", SECRET.as_bytes());
    post("/embed", "image/png", truncated);
    post("/embed", &format!("text/{SECRET}"), &CAT);
    post("/embed", SECRET, &CAT);
    post(&format!("/{SECRET}"), "application/json", b"{}");
    post("/embed", "image/png", &SECRET.repeat(500_000).into_bytes());
    for method in ["GET", "DELETE", SECRET] {
        for path in [format!("/health?{query}"), format!("/{SECRET}"), format!("/docs/{SECRET}")] {
            service.send(method, &path, &headers("text/plain"), b"");
        }
    }
    // What no ordinary client can say.
    for raw in [
        format!("GET /{SECRET} HTTP/1.1\r\n{SECRET}\r\n\r\n"),
        format!("{SECRET}\r\n\r\n"),
        format!("POST /embed HTTP/1.1\r\nhost: a\r\ncontent-length: {SECRET}\r\n\r\n"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SECRET}"),
    ] {
        service.connect().write(raw);
    }
    over_http2(&service);
    for status in [200, 400, 404, 413, 415, 422] {
        assert!(answered.contains(&status), "{status} is not in {answered:?}");
    }

    service.send("GET", "/health", &[("x-request-id", "the-last")], b"");
    service.await_log("the last request", |line| line["span"]["id"] == "the-last");
    let log = service.logged();
    assert!(log.len() > answered.len(), "one line a request");
    let hexadecimal = SECRET.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02X} ").unwrap();
        text
    });
    let encoded = base64(SECRET.as_bytes());
    let forms_of_it =
        [SECRET, &SECRET.to_lowercase(), hexadecimal.trim(), encoded.trim_end_matches('=')];
    for line in log {
        let text = line.to_string();
        for form in forms_of_it {
            assert!(!text.contains(form), "{form} in {text}");
        }
        for header in ["authorization", "cookie", "x-api-key"] {
            assert!(!text.contains(header), "{header} in {text}");
        }
    }
}
