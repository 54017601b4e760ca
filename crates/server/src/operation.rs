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
use wharf_core::{Clock, Error, Result};
use wharf_http::{log_fault, named};
use wharf_registry::{Registry, port::Room};

/// How long the stores may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the stores promise.
    pub(crate) durability: Arc<Durability>,
}

/// What the stores do before a write is acknowledged, in words.
#[derive(Debug)]
pub(crate) struct Durability {
    /// By the database.
    pub(crate) database: String,
    /// The file system the data directory lies on.
    pub(crate) file_system: String,
}

/// What these routes are called in logs and metrics.
pub(crate) const NAMES: [&str; 4] = ["healthz", "health", "readyz", "metrics"];

/// `/healthz`, `/health`, `/readyz`.
pub(crate) fn router(operation: Operation) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/health", get(|| async { named("health", Json("Ok").into_response()) }))
        .route("/readyz", get(readyz))
        .with_state(operation)
}

/// Whether the process answers.
async fn healthz(State(operation): State<Operation>) -> Response {
    let timestamp = operation.clock.now().written().unwrap_or_default();
    let body = json!({ "status": "ok", "timestamp": timestamp, "version": env!("CARGO_PKG_VERSION") });
    named("healthz", Json(body).into_response())
}

/// Whether database and store answer. A full disk is ready: pulls go on.
async fn readyz(State(operation): State<Operation>) -> Response {
    let checked = tokio::time::timeout(PATIENCE, check(&operation.registry)).await;
    let checked = checked.unwrap_or_else(|_| Err(Error::unavailable("the stores did not answer in time")));
    let response = match checked {
        Ok(room) => {
            let Durability { database, file_system } = operation.durability.as_ref();
            Json(json!({
                "status": "ready",
                "durability": database,
                "file_system": file_system,
                "uploads": if room == Room::Enough { "taken" } else { "refused" },
            }))
            .into_response()
        }
        Err(error) => {
            log_fault(&error, "readyz");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "unavailable" }))).into_response()
        }
    };
    named("readyz", response)
}

async fn check(registry: &Registry) -> Result<Room> {
    registry.check().await?;
    registry.room().await
}
