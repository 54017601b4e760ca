//! The status of each kind of error, the same behind every door.

use axum::http::{HeaderValue, StatusCode};
use wharf_core::{Detail, Error, Kind};

/// What a caller is told who comes at a bad moment, in seconds.
const RETRY_AFTER: u64 = 5;

/// When to come again, in seconds, after an error that may pass.
pub(crate) fn retry_after(error: &Error) -> Option<HeaderValue> {
    match (error.kind(), error.detail()) {
        (Kind::RateLimited | Kind::Unavailable, Some(Detail::Wait(seconds))) => {
            Some(HeaderValue::from(*seconds))
        }
        (Kind::RateLimited | Kind::Unavailable, _) => Some(HeaderValue::from(RETRY_AFTER)),
        _ => None,
    }
}

/// The status of a kind of error.
pub const fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound(_) => StatusCode::NOT_FOUND,
        Kind::Exists | Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Denied | Kind::QuotaExceeded => StatusCode::FORBIDDEN,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::OutOfRange => StatusCode::RANGE_NOT_SATISFIABLE,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Timeout => StatusCode::REQUEST_TIMEOUT,
        Kind::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Logs an error if it is a fault of ours, with all its causes. Called once, where the answer is made.
pub fn log_fault(error: &Error, request_id: &str) {
    if error.is_fault() {
        tracing::error!(request_id, ?error, "request failed");
    }
}
