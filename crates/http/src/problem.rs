//! Errors outside `/v2/`: problem+json (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::Error;

use crate::status::{log_fault, retry_after, status_of};

/// The answer to an error: `status`, `title`, `detail`, `request_id`.
pub fn problem(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let status = status_of(error.kind());
    let body = json!({
        "type": "about:blank",
        "status": status.as_u16(),
        "title": status.canonical_reason(),
        "detail": error.message(),
        "request_id": request_id,
    });
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(seconds) = retry_after(error) {
        headers.insert(header::RETRY_AFTER, seconds);
    }
    response
}
