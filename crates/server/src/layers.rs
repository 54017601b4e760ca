//! What surrounds every request: an id, one log line, and an answer even when a handler panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{self, Next},
    response::Response,
};
use tower_http::catch_panic::CatchPanicLayer;
use wharf_core::{Entropy, Error, Kind, Subject};
use wharf_http::{RequestId, problem, problem_of, request_id_of};

use crate::lingering::Lingering;

/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 32 * 1024;

/// The most headers of a request.
pub(crate) const MOST_HEADERS: usize = 100;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around the routes.
pub(crate) fn around(routes: Router, entropy: Arc<dyn Entropy>) -> Router {
    routes
        .fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path"))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::Unsupported, "this path does not take that method"))
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(entropy, observe))
}

/// Gives the request an id and logs how it went, once: never bodies, tokens or queries.
async fn observe(State(entropy): State<Arc<dyn Entropy>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = format!("{:016x}", u64::from_be_bytes(entropy.bytes()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let fits = head_size(&request) <= LARGEST_HEAD && request.headers().len() <= MOST_HEADERS;
    let mut response = match fits {
        true => next.run(request.map(|body| Body::new(Lingering::new(body)))).await,
        false => refuse_head(&request),
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(request_id = id, %method, path, status = response.status().as_u16(), duration_ms, "request");
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The refusal of a head that is too large, in the shape of the door it came to.
fn refuse_head(request: &Request) -> Response {
    let (status, message) =
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large");
    if request.uri().path().starts_with("/v2/") {
        return wharf_oci::refuse(status, message);
    }
    problem_of(status, message, request_id_of(request.extensions()))
}

fn refuse(request: &Request, error: Error) -> Response {
    problem(&error, request_id_of(request.extensions()))
}

/// Bytes of target and headers.
fn head_size(request: &Request) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    request.headers().iter().fold(target, |size, (name, value)| size + name.as_str().len() + value.len() + 4)
}

/// The answer where a handler panicked; the panic itself is logged with its place by the hook.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(&Error::internal("a handler panicked"), "")
}
