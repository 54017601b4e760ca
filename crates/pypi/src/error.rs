//! Errors as installers and publishers read them: twine prints the reason phrase, flit the body, uv problem+json.

use axum::{
    Json,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use hyper::ext::ReasonPhrase;
use serde_json::json;
use wharf_core::{Detail, Error, Kind};
use wharf_http::{log_fault, problem_of, refusal_headers, request_id_of, status_of};

/// The longest reason phrase, in bytes.
const LONGEST_PHRASE: usize = 400;

/// The answer to an error.
pub(crate) fn refuse(error: &Error, request: &Parts) -> Response {
    let request_id = request_id_of(&request.extensions);
    log_fault(error, request_id);
    // twine passes over every 409 when it is to skip what exists, so that status is for nothing else; and what exists
    // the public index answers with 400.
    let status = status_of(match error.kind() {
        Kind::Exists | Kind::Conflict => Kind::Invalid,
        kind => kind,
    });
    let message = words(error);
    let accepted =
        request.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let mut response = if accepted.contains("application/problem+json") {
        problem_of(status, &message, request_id)
    } else if accepted.contains("application/json") {
        let title = status.canonical_reason();
        (status, Json(json!({ "message": message, "code": status.as_u16(), "title": title }))).into_response()
    } else {
        (status, format!("{message}\n")).into_response()
    };
    response.headers_mut().extend(refusal_headers(error));
    if let Some(phrase) = phrase(&message) {
        response.extensions_mut().insert(phrase);
    }
    response
}

/// What is said, in the words the publishers look for.
fn words(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (Kind::Exists, _) => format!("File already exists ({}).", error.message()),
        (Kind::Conflict, Some(Detail::Rule(_))) => error.message().to_owned(),
        (Kind::Conflict, _) => {
            format!("This filename has already been used, use a different version ({}).", error.message())
        }
        (Kind::Invalid, Some(Detail::Digest)) => format!(
            "The digest supplied does not match a digest calculated from the uploaded file ({}).",
            error.message()
        ),
        _ => error.message().to_owned(),
    }
}

/// The reason phrase of HTTP/1.1, which some clients show alone.
fn phrase(message: &str) -> Option<ReasonPhrase> {
    let printable = message.bytes().map(|byte| if byte.is_ascii_graphic() { byte } else { b' ' });
    let phrase: Vec<u8> = printable.take(LONGEST_PHRASE).collect();
    ReasonPhrase::try_from(phrase).ok()
}
