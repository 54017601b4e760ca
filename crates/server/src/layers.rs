//! What surrounds every request: an id, one log line, and an answer even when a handler panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use wharf_core::{Entropy, Error};
use wharf_http::{RequestId, problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around the routes.
pub(crate) fn around(routes: Router, entropy: Arc<dyn Entropy>) -> Router {
    routes
        .fallback(|| async { StatusCode::NOT_FOUND.into_response() })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(entropy, observe))
}

/// Gives the request an id and logs how it went, once: never bodies, tokens or queries.
async fn observe(State(entropy): State<Arc<dyn Entropy>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = format!("{:016x}", u64::from_be_bytes(entropy.bytes()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request_id = id, %method, path, status = response.status().as_u16(), duration_ms, "request");
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The answer where a handler panicked; the panic itself is logged with its place by the hook.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(&Error::internal("a handler panicked"), "")
}
