//! What only tells is answered at once, whatever the model is doing, and before there is one.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::service::{CAT, Reply, Service, SilentHub, base64, form, photo, shared};

/// Generous for a slow machine of two cores; a forward pass that got in the way would show.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Tells the clients to stop, also when the test fails in between.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, SeqCst);
    }
}

fn timely(path: &str) -> Reply {
    let start = Instant::now();
    let reply = shared().get(path);
    assert!(start.elapsed() < AT_ONCE, "{path} took {:?}", start.elapsed());
    assert_eq!(reply.status, 200, "{path}");
    reply
}

#[test]
fn informing_routes_answer_while_photos_are_embedded() {
    let body = json!({"images": [base64(&photo("coffee-12mp.jpg"))]});
    let (stop, embedded) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(SeqCst) {
                    assert_eq!(shared().post_json("/embed/base64", &body).embeddings().len(), 1);
                    embedded.fetch_add(1, SeqCst);
                }
            });
        }
        // At least 100 of each, and for as long as it takes to embed 4 photos beside them.
        for i in 0.. {
            for path in ["/health", "/model-info", "/metrics"] {
                timely(path);
            }
            if i >= 100 && embedded.load(SeqCst) >= 4 {
                break;
            }
        }
    });
}

#[test]
fn before_the_weights_are_there_the_service_says_so() {
    let hub = SilentHub::new();
    let service = Service::starting(&hub);
    for path in ["/health", "/healthz"] {
        assert_eq!(service.get(path).with_status(503), json!({"status": "starting"}), "{path}");
    }
    for path in ["/startupz", "/readyz"] {
        assert_eq!(service.get(path).with_status(503), json!({"status": "starting"}), "{path}");
    }
    assert_eq!(service.get("/livez").with_status(200), json!({"status": "ok"}));
    let no_model = json!({"detail": "No model loaded", "code": "no_model"});
    assert_eq!(service.get("/model-info").with_status(503), no_model);
    let (content_type, form) = form(&[("files", Some("a"), &CAT)]);
    let json = json!({"images": [base64(&CAT)]});
    for reply in [
        service.post_json("/embed/base64", &json),
        service.post_json("/embed", &json),
        service.post("/embed/batch", &content_type, &form),
    ] {
        assert_eq!(reply.with_status(503), no_model);
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    for path in ["/metrics", "/gpu-info", "/docs", "/openapi.json"] {
        assert_eq!(service.get(path).status, 200, "{path}");
    }
}
