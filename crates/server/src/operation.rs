//! What an operator's tools ask: is it alive, is it ready.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::json;
use wharf_core::{Clock, Error};
use wharf_http::log_fault;
use wharf_registry::Registry;

/// How long the stores may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Arc<str>,
}

/// `/healthz`, `/health`, `/readyz`.
pub(crate) fn router(operation: Operation) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/health", get(|| async { Json("Ok") }))
        .route("/readyz", get(readyz))
        .with_state(operation)
}

/// Whether the process answers.
async fn healthz(State(operation): State<Operation>) -> Response {
    let timestamp =
        jiff::Timestamp::from_microsecond(operation.clock.now().microseconds()).unwrap_or_default();
    let body =
        json!({ "status": "ok", "timestamp": timestamp.to_string(), "version": env!("CARGO_PKG_VERSION") });
    Json(body).into_response()
}

/// Whether database and store answer.
async fn readyz(State(operation): State<Operation>) -> Response {
    let checked = tokio::time::timeout(PATIENCE, operation.registry.check()).await;
    let checked = checked.unwrap_or_else(|_| Err(Error::unavailable("the stores did not answer in time")));
    match checked {
        Ok(()) => Json(json!({ "status": "ready", "durability": &*operation.durability })).into_response(),
        Err(error) => {
            log_fault(&error, "readyz");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable" }))).into_response()
        }
    }
}
