//! Traces by OpenTelemetry's protocol (OTLP over HTTP), where an endpoint is set: a span for each
//! request, a child of the client's own (W3C `traceparent`), and within it one for each stage.
//!
//! Spans are handed to a thread that sends them in batches. What it cannot send is dropped: tracing
//! never makes a request wait.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use axum::http::HeaderMap;
use bytes::Bytes;
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracer, SdkTracerProvider},
};

/// Where traces go, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceOptions {
    /// Base address of the collector, like `http://collector:4318`; `/v1/traces` is added.
    pub endpoint: String,
    /// Share of the traces that begin here which are sent, from 0 to 1; those that a client began are
    /// sent if it sends them itself.
    pub ratio: f64,
}

/// Longest wait for the collector.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Name of the service, unless `OTEL_SERVICE_NAME` says another.
const SERVICE: &str = "inference-service";

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Sends what is left when it is dropped.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Starts to trace for the whole process.
///
/// # Errors
/// When the endpoint is no address.
pub fn start(options: &TraceOptions) -> Result<Traces, ExporterBuildError> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new())
        .with_endpoint(format!("{}/v1/traces", options.endpoint.trim_end_matches('/')))
        .with_timeout(TIMEOUT)
        .build()?;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(options.ratio)));
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| SERVICE.to_owned());
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_service_name(name).with_attribute(version).build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    // A second start changes nothing, as with the log.
    let _ = TRACER.set(provider.tracer(SERVICE));
    Ok(Traces(provider))
}

/// The trace of one request; empty where nothing is traced. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Arc<Traced>>);

#[derive(Debug)]
struct Traced {
    /// Holds the span of the request.
    context: Context,
    /// The same moment on both clocks.
    began: (Instant, SystemTime),
}

impl Trace {
    /// Begins the span of a request for `route`, within the trace that its `headers` name.
    pub fn begin(method: &'static str, route: &str, headers: &HeaderMap) -> Self {
        let Some(tracer) = TRACER.get() else { return Self::default() };
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        let began = (Instant::now(), SystemTime::now());
        let span = tracer
            .span_builder(format!("{method} {route}"))
            .with_kind(SpanKind::Server)
            .with_start_time(began.1)
            .with_attributes([
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route.to_owned()),
            ])
            .start_with_context(tracer, &parent);
        Self(Some(Arc::new(Traced { context: parent.with_span(span), began })))
    }

    /// The trace's id, in hexadecimal.
    pub fn id(&self) -> Option<String> {
        let traced = self.0.as_ref()?;
        Some(traced.context.span().span_context().trace_id().to_string())
    }

    /// A stage called `name` lasted from `start` on for `took`.
    pub fn stage(&self, name: &'static str, start: Instant, took: Duration) {
        let (Some(tracer), Some(traced)) = (TRACER.get(), &self.0) else { return };
        let start = traced.on_wall(start);
        tracer
            .span_builder(name)
            .with_start_time(start)
            .start_with_context(tracer, &traced.context)
            .end_with_timestamp(start + took);
    }

    /// Notes something of the request.
    pub fn note(&self, key: &'static str, value: i64) {
        if let Some(traced) = &self.0 {
            traced.context.span().set_attribute(KeyValue::new(key, value));
        }
    }

    /// The request is answered with `status`; `code` says what was wrong.
    pub fn end(&self, status: u16, code: Option<&'static str>) {
        let Some(traced) = &self.0 else { return };
        let span = traced.context.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
        if let Some(code) = code {
            span.set_attribute(KeyValue::new("error.type", code));
        }
        // A client's mistake is no error of a server's span (OpenTelemetry's conventions for HTTP).
        if status >= 500 {
            span.set_status(Status::error(code.unwrap_or_default()));
        }
        span.end();
    }
}

impl Traced {
    fn on_wall(&self, moment: Instant) -> SystemTime {
        let (instant, wall) = self.began;
        match moment.checked_duration_since(instant) {
            Some(since) => wall + since,
            None => wall - instant.duration_since(moment),
        }
    }
}

/// What sends batches of spans, on the thread that collects them, which may block.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        Self(
            ureq::Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .http_status_as_error(false)
                .build()
                .new_agent(),
        )
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(head, body.to_vec()))?;
        let (head, mut body) = answer.into_parts();
        Ok(Response::from_parts(head, body.read_to_vec()?.into()))
    }
}

/// Whether `endpoint` can be a collector's address.
///
/// # Errors
/// What would be right.
pub fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let wrong = || Err("must be an address like http://collector:4318".to_owned());
    match endpoint.parse::<axum::http::Uri>() {
        Ok(uri) => match (uri.scheme_str(), uri.host()) {
            (Some("http" | "https"), Some(_)) => Ok(()),
            _ => wrong(),
        },
        Err(_) => wrong(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_address() {
        for good in ["http://collector:4318", "https://otel.example/base"] {
            assert!(check_endpoint(good).is_ok(), "{good}");
        }
        for bad in ["collector:4318", "grpc://collector", "http://", "/v1/traces", "a b"] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }
}
