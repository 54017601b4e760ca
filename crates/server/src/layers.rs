//! What surrounds every request: an id, one log line, its place among the metrics and in a trace, and an answer even
//! when a handler panics.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::Response,
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;
use wharf_core::{Entropy, Error, Kind, Subject};
use wharf_http::{EndpointName, FilePart, Peer, RequestId, problem, request_id_of};

use crate::{
    front::{self, LargestHead},
    metrics::{Outcome, Received, RequestMeters, Running, Sent, Waits},
    traces,
    watched::watched,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is needed to watch requests.
pub(crate) struct Observer {
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) meters: Arc<RequestMeters>,
    /// How long an answer may take to begin before the log names it.
    pub(crate) slow: Option<Duration>,
}

/// Puts the layers around the routes.
pub(crate) fn around(routes: Router, largest: LargestHead, observer: Arc<Observer>) -> Router {
    routes
        .fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::NotFound(Subject::Name), "there is nothing at this path"))
        })
        .method_not_allowed_fallback(|request: Request| async move {
            refuse(&request, Error::new(Kind::Unsupported, "this path does not take that method"))
        })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(largest, front::check))
        .layer(middleware::from_fn_with_state(observer, observe))
}

/// Gives the request an id, and logs and counts how it went, once: never bodies, tokens or queries.
async fn observe(State(observer): State<Arc<Observer>>, mut request: Request, next: Next) -> Response {
    let running = Running::begin(observer.meters.clone());
    let id = observer.entropy.id::<8>();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let client = request.extensions().get::<Peer>().copied().unwrap_or(Peer(None));
    let span = traces::request(&request, &id);
    let waits = Arc::<Waits>::default();
    let request = request.map(|body| received(body, &observer.meters, &waits));
    let answering = next.run(request).instrument(span.clone());
    let mut response =
        if method.is_safe() { wharf_meta::as_one_read(answering).await } else { answering.await };
    let endpoint = response.extensions().get::<EndpointName>().map_or("other", |name| name.0);
    let (status, duration) = (response.status().as_u16(), running.elapsed());
    tracing::info!(request_id = id, %client, %method, path, status, duration_ms = milliseconds(duration), "request");
    let own = duration.saturating_sub(waits.total());
    if observer.slow.is_some_and(|slow| own > slow) {
        observer.meters.slow.increment();
        let (duration_ms, own_ms) = (milliseconds(duration), milliseconds(own));
        tracing::warn!(request_id = id, endpoint, %method, status, duration_ms, own_ms, "slow request");
    }
    let outcome = Outcome { endpoint, method: &method, status, duration };
    traces::answered(&span, &outcome);
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let answered = Arc::new(running.answered(&outcome));
    if response.extensions().get::<FilePart>().is_some() {
        // Its bytes may not come by the body.
        response.extensions_mut().insert(answered.clone());
    }
    response.map(|body| watched(body, Sent(answered)))
}

/// The body of a request, counted. One that is empty is let through as it is.
fn received(body: Body, meters: &Arc<RequestMeters>, waits: &Arc<Waits>) -> Body {
    if body.is_end_stream() {
        return body;
    }
    watched(body, Received { meters: meters.clone(), waits: waits.clone() })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn refuse(request: &Request, error: Error) -> Response {
    problem(&error, request_id_of(request.extensions()))
}

/// The answer where a handler panicked; the panic itself is logged with its place by the hook.
fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    problem(&Error::internal("a handler panicked"), "")
}
