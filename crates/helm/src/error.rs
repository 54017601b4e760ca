//! Errors as ChartMuseum's clients read them: `{"error": "…"}`, of which `helm cm-push` prints the words.

use axum::{
    Json,
    http::{HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::{Detail, Error, Kind};
use wharf_http::{log_fault, request_id_of, retry_after, status_of};

/// The answer to an error.
pub(crate) fn refuse(error: &Error, request: &Parts) -> Response {
    log_fault(error, request_id_of(&request.extensions));
    // Somebody else was faster, and now it exists.
    let kind = match error.kind() {
        Kind::PreconditionFailed => Kind::Conflict,
        kind => kind,
    };
    let words = match kind {
        Kind::Conflict if error.kind() == Kind::PreconditionFailed => "file already exists",
        _ => error.message(),
    };
    let mut response = (status_of(kind), Json(json!({ "error": words }))).into_response();
    let headers = response.headers_mut();
    match error.kind() {
        Kind::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"wharf\""));
        }
        Kind::Unsupported => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, DELETE"));
        }
        _ => {}
    }
    if let Some(Detail::Size(size)) = error.detail()
        && let Ok(range) = HeaderValue::try_from(format!("bytes */{size}"))
    {
        headers.insert(header::CONTENT_RANGE, range);
    }
    if let Some(seconds) = retry_after(error) {
        headers.insert(header::RETRY_AFTER, seconds);
    }
    response
}
