//! Errors as ChartMuseum's clients read them: `{"error": "…"}`, of which `helm cm-push` prints the words.

use axum::{
    Json,
    http::{Method, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::{Error, Kind};
use wharf_http::{log_fault, refusal_headers, request_id_of, status_of};

/// The answer to an error.
pub(crate) fn refuse(error: &Error, request: &Parts) -> Response {
    log_fault(error, request_id_of(&request.extensions));
    // Somebody else was faster, and now it exists.
    let (kind, words) = match error.kind() {
        Kind::PreconditionFailed if request.method == Method::POST => (Kind::Conflict, "file already exists"),
        kind => (kind, error.message()),
    };
    let mut response = shaped(status_of(kind), words);
    response.headers_mut().extend(refusal_headers(error));
    response
}

/// An answer of a layer in front of this door, in the shape its clients read.
pub fn shaped(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "error": words }))).into_response()
}
