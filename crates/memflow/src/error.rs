//! Refusals as memflow's clients show them: plain words.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Error, Kind};
use wharf_http::{log_fault, refusal_headers, status_of};

/// The answer to an error, with the headers of a refusal.
pub(crate) fn refuse(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let mut response = shaped(status_of(error.kind()), error.message());
    let headers = response.headers_mut();
    if error.kind() == Kind::Unsupported {
        // Where the path itself takes the method, deletion is switched off; what is left is to read.
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    headers.extend(refusal_headers(error));
    response
}

/// An answer of a layer in front of this door, in the shape its clients read.
pub fn shaped(status: StatusCode, words: &str) -> Response {
    let mut response = (status, words.to_owned()).into_response();
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
