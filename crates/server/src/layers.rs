//! What surrounds every request: an id, one log line, its place among the metrics and in a trace, and an answer even
//! when a handler panics.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{self, Next},
    response::Response,
};
use futures_util::FutureExt as _;
use tracing::Instrument as _;
use wharf_core::{Entropy, Error, Kind, Subject};
use wharf_http::{EndpointName, FilePart, Peer, RequestId, log_fault, named, problem, request_id_of};

use crate::{
    endpoints,
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
        .layer(middleware::from_fn(catch))
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

/// Answers where a handler panics, in the shape of its door and under the name of its endpoint. The panic itself is logged
/// with its place by the hook.
async fn catch(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let id = request_id_of(request.extensions()).to_owned();
    let Ok(response) = AssertUnwindSafe(next.run(request)).catch_unwind().await else {
        let fault = Error::internal("a handler panicked");
        log_fault(&fault, &id);
        let response = front::shaped(uri.path(), StatusCode::INTERNAL_SERVER_ERROR, fault.message(), &id);
        return match endpoints::name_of(&method, &uri) {
            Some(name) => named(name, response),
            None => response,
        };
    };
    response
}

#[cfg(test)]
mod tests {
    use axum::{body::Bytes, routing::any};
    use http_body_util::BodyExt as _;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;
    use crate::world::SystemEntropy;

    /// What a door answers whose handler panics: the id of the request, the body, and the meters after it.
    async fn panicking(path: &str) -> (String, Bytes, Arc<RequestMeters>) {
        async fn handler() -> Response {
            panic!("on purpose")
        }
        let meters = Arc::new(RequestMeters::of(endpoints::names()));
        let observer =
            Observer { entropy: Arc::new(SystemEntropy::new()), meters: meters.clone(), slow: None };
        let routes = Router::new().route("/{*path}", any(handler));
        let routes = around(routes, LargestHead(32 * 1024), Arc::new(observer));
        let request = Request::get(path).header("host", "wharf.example").body(Body::empty()).unwrap();
        let answer = routes.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let id = answer.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert!(!id.is_empty(), "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (id, body, meters)
    }

    fn json_of(body: &Bytes) -> Value {
        serde_json::from_slice(body).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_answered_in_the_shape_of_its_door_and_counted_at_its_endpoint() {
        for (path, endpoint) in
            [("/v2/acme/app/manifests/v1", "manifest"), ("/v2/", "ping"), ("/token", "token")]
        {
            let (_, body, meters) = panicking(path).await;
            assert_eq!(
                json_of(&body),
                json!({ "errors": [{ "code": "UNKNOWN", "message": "internal error" }] }),
                "{path}"
            );
            assert_eq!(meters.counted(endpoint, 500), 1, "{path}");
        }
        for (path, endpoint) in [
            ("/api/v1/orgs", "api"),
            ("/pypi/acme/main/simple/", "python_index"),
            ("/healthz", "healthz"),
            ("/nothing", "other"),
        ] {
            let (id, body, meters) = panicking(path).await;
            let body = json_of(&body);
            assert_eq!((&body["status"], &body["detail"]), (&500.into(), &"internal error".into()), "{path}");
            assert_eq!(body["request_id"], id, "{path}");
            assert_eq!(meters.counted(endpoint, 500), 1, "{path}");
        }
        let (_, body, _) = panicking("/helm/acme/main/api/charts").await;
        assert_eq!(json_of(&body), json!({ "error": "internal error" }));
        for path in ["/memflow/acme/main/plugins", "/plugins", "/files/00", "/keys"] {
            assert_eq!(panicking(path).await.1, "internal error", "{path}");
        }
    }
}
