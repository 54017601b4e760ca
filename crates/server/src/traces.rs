//! Traces: what a request spent its time on, told to a collector (OpenTelemetry, OTLP over HTTP).
//!
//! The parts open plain `tracing` spans and know nothing of this. Where a collector is configured, a layer turns them
//! into OpenTelemetry's and a thread of its own sends them in batches. Its queue is bounded: what does not fit is
//! thrown away, and no request ever waits for a collector. A request goes on with the trace its `traceparent` names
//! (W3C Trace Context).

#[cfg(feature = "traces")]
mod client;
#[cfg(feature = "traces")]
mod exporter;
#[cfg(not(feature = "traces"))]
mod without;

use axum::extract::Request;
use tracing::{Span, field::Empty, info_span};

#[cfg(feature = "traces")]
pub(crate) use self::exporter::Traces;
#[cfg(not(feature = "traces"))]
pub(crate) use self::without::Traces;
use crate::metrics::Outcome;

/// The span of a request, in the trace it says it belongs to. Fields follow OpenTelemetry's names for HTTP.
pub(crate) fn request(request: &Request, id: &str) -> Span {
    let span = info_span!(
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        wharf.endpoint = Empty,
        wharf.request_id = id,
    );
    #[cfg(feature = "traces")]
    exporter::continue_trace(&span, request.headers());
    span
}

/// How the request of a span was answered.
pub(crate) fn answered(span: &Span, outcome: &Outcome<'_>) {
    if span.is_disabled() {
        return;
    }
    let Outcome { endpoint, status, .. } = outcome;
    #[cfg(feature = "traces")]
    exporter::rename(span, format!("{} {endpoint}", outcome.method));
    span.record("http.response.status_code", status);
    span.record("wharf.endpoint", endpoint);
    if *status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
}
