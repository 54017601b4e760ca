//! Refusals as memflow's clients show them: plain words.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Error, Kind};
use wharf_http::{log_fault, retry_after, status_of};

/// The answer to an error. Where a login is missing, it asks for a password.
pub(crate) fn refuse(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let mut response = (status_of(error.kind()), error.message().to_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match error.kind() {
        Kind::Unauthenticated => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"wharf\""));
        }
        Kind::Unsupported => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, DELETE"));
        }
        _ => {}
    }
    if let Some(seconds) = retry_after(error) {
        headers.insert(header::RETRY_AFTER, seconds);
    }
    response
}
