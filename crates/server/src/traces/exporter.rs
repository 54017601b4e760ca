//! From spans to the collector.

use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::{
    KeyValue,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use wharf_core::{Error, Kind, Result};

use super::client::Client;

/// How many spans may wait to be sent; more are thrown away.
const QUEUE: usize = 4096;
/// The most spans of one batch.
const BATCH: usize = 512;
/// How long spans wait for company.
const REST: Duration = Duration::from_secs(2);
/// How long a stop waits for the last ones.
const FLUSH: Duration = Duration::from_secs(2);

/// Traces on their way to a collector.
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins to send to an endpoint, if there is one. It must be called inside the runtime.
    ///
    /// # Errors
    /// `Invalid` for an endpoint that cannot be sent to.
    pub(crate) fn begin(endpoint: Option<&str>) -> Result<Option<Self>> {
        let Some(endpoint) = endpoint else { return Ok(None) };
        let wrong =
            |error| Error::new(Kind::Invalid, "traces cannot be sent to traces_endpoint").because(error);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(format!("{endpoint}/v1/traces"))
            // What a collector does not take is gone: the next batch is on its heels.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(wrong)?;
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(REST)
            .build();
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("wharf").with_attributes([version]).build();
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
        let provider = SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource);
        Ok(Some(Self(provider.build())))
    }

    /// The layer that makes OpenTelemetry's spans of ours.
    pub(crate) fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> impl Layer<S> + use<S> {
        let is_ours = |metadata: &Metadata<'_>| {
            metadata.is_span() && *metadata.level() <= Level::INFO && metadata.target().starts_with("wharf")
        };
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("wharf"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_context_activation(false)
            .with_filter(filter_fn(is_ours))
    }

    /// Sends what is left, for two seconds at most.
    pub(crate) async fn end(self) {
        let flushed = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(FLUSH)).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last traces were not delivered");
        }
    }
}

/// Makes a request's span a part of the trace its headers name.
pub(super) fn continue_trace(span: &Span, headers: &HeaderMap) {
    if !span.is_disabled() && headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // It fails where nobody takes traces, and for a span that was begun: this one is fresh.
        let _ = span.set_parent(parent);
    }
}

/// Gives a span that runs the name that is only known at its end.
pub(super) fn rename(span: &Span, name: String) {
    span.context().span().update_name(name);
}
