//! An answer for requests whose handler gives none: it panicked, or the stop cuts it off.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::rejection::Rejection;
use crate::{metrics::Place, panics, shutdown::Shutdown};

/// Wraps every request, within what notes its answer.
pub(super) async fn rescue(
    State(shutdown): State<Shutdown>,
    request: Request,
    next: Next,
) -> Response {
    tokio::select! {
        biased;
        answer = panics::catch_async(Place::Handler, next.run(request)) => {
            answer.unwrap_or_else(|_| Rejection::Internal.into_response())
        }
        () = shutdown.expired() => Rejection::Stopping.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use http_body_util::BodyExt;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use serde_json::Value;

    use super::*;
    use crate::shutdown::Phase;

    /// Status and code of the answer to `path`.
    async fn answer(router: &Router, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = TowerToHyperService::new(router.clone()).call(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap();
        (status, body["code"].clone())
    }

    async fn panics() {
        panic!("as the test wants it");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_the_end_a_503() {
        let (phase, shutdown) = Shutdown::new();
        let router = Router::new()
            .route("/panics", get(panics))
            .route("/hangs", get(pending::<()>))
            .layer(from_fn_with_state(shutdown, rescue));
        for _ in 0..2 {
            assert_eq!(answer(&router, "/panics").await, (500, "internal".into()));
        }
        let end = async {
            phase.send_replace(Phase::Closing);
            tokio::task::yield_now().await;
            phase.send_replace(Phase::Expired);
        };
        let (cut_off, ()) = tokio::join!(answer(&router, "/hangs"), end);
        assert_eq!(cut_off, (503, "stopping".into()));
    }
}
