//! Errors as ChartMuseum's clients read them: `{"error": "…"}`, of which `helm cm-push` prints the words.

use axum::{
    Json,
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::{Error, Kind};
use wharf_http::{log_fault, refusal_headers, request_id_of, status_of};

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
    response.headers_mut().extend(refusal_headers(error));
    response
}
