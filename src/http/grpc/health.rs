//! gRPC's own health check, which tells what `/readyz` tells.

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, stream};
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_server::Health as Check,
};

use super::SERVICE;
use crate::{
    http::{
        App,
        probes::{Readiness, readiness},
    },
    shutdown::Phase,
};

/// How often it is looked whether there is something new to tell to those who watch.
const LOOK: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Health(Arc<App>);

impl Health {
    pub fn new(app: Arc<App>) -> Self {
        Self(app)
    }
}

/// How a service is, by its name; no name means all of them.
fn status(app: &App, service: &str) -> Option<ServingStatus> {
    (service.is_empty() || service == SERVICE).then(|| match readiness(app) {
        Readiness::Ready => ServingStatus::Serving,
        _ => ServingStatus::NotServing,
    })
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[async_trait]
impl Check for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let unknown = || Status::not_found(format!("no such service; there is {SERVICE}"));
        let status = status(&self.0, &request.get_ref().service).ok_or_else(unknown)?;
        Ok(Response::new(told(status)))
    }

    type WatchStream =
        Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send + 'static>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let (app, service) = (Arc::clone(&self.0), request.into_inner().service);
        let changes = stream::unfold((app, service, None), async |(app, service, last)| {
            loop {
                let now = status(&app, &service).unwrap_or(ServingStatus::ServiceUnknown);
                if last != Some(now) {
                    return Some((Ok(told(now)), (app, service, Some(now))));
                }
                // A stop waits for all answers, and this one has no end of its own.
                tokio::select! {
                    () = app.shutdown.reached(Phase::Closing) => return None,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        });
        Ok(Response::new(Box::pin(changes)))
    }
}
