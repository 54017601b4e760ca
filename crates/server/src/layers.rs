//! What surrounds every request: an id, one log line, and an answer even when a handler panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::Response,
};
use tower_http::catch_panic::CatchPanicLayer;
use wharf_core::{Entropy, Error, Kind, Subject};
use wharf_http::{RequestId, problem, request_id_of};

use crate::front::{self, LargestHead};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around the routes.
pub(crate) fn around(routes: Router, largest: LargestHead, entropy: Arc<dyn Entropy>) -> Router {
    routes
        .fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path"))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::Unsupported, "this path does not take that method"))
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(largest, front::check))
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

fn refuse(request: &Request, error: Error) -> Response {
    problem(&error, request_id_of(request.extensions()))
}

/// The answer where a handler panicked; the panic itself is logged with its place by the hook.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(&Error::internal("a handler panicked"), "")
}
