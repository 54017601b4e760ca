//! Errors outside `/v2/`: problem+json (RFC 9457).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::Error;

use crate::{
    refusal::refusal_headers,
    status::{log_fault, status_of},
};

/// The answer to an error: `status`, `title`, `detail`, `request_id`, with the headers of a refusal.
pub fn problem(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let mut response = problem_of(status_of(error.kind()), error.message(), request_id);
    response.headers_mut().extend(refusal_headers(error));
    response
}

/// The same for a refusal that only HTTP knows.
pub fn problem_of(status: StatusCode, detail: &str, request_id: &str) -> Response {
    let body = json!({
        "type": "about:blank",
        "status": status.as_u16(),
        "title": status.canonical_reason(),
        "detail": detail,
        "request_id": request_id,
    });
    let mut response = (status, Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
