//! Errors in OCI's shape (distribution-spec, error codes), and the challenge that goes with a 401.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use wharf_core::{Detail, Error, Kind, Scope, Subject};
use wharf_http::{log_fault, refusal_headers, status_of};

use crate::endpoint::Endpoint;

/// What a refusal needs beside the error.
pub(crate) struct Refusal<'a> {
    pub(crate) request: &'a Parts,
    pub(crate) base: &'a str,
    pub(crate) service: &'static str,
    pub(crate) request_id: &'a str,
}

impl Refusal<'_> {
    /// The answer to an error on an endpoint, or on a request that is none.
    pub(crate) fn respond(&self, error: &Error, endpoint: Option<&Endpoint>) -> Response {
        log_fault(error, self.request_id);
        let status = match error.detail() {
            Some(Detail::Target) => StatusCode::URI_TOO_LONG,
            _ => status_of(error.kind()),
        };
        let mut response = oci_error(status, code(error), error.message(), detail(error));
        let headers = response.headers_mut();
        headers.extend(refusal_headers(error));
        if error.kind() == Kind::Unauthenticated {
            self.challenge(headers, error, endpoint);
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            insert(headers, header::ALLOW.as_str(), Endpoint::allowed(self.request));
        }
        if let Some(Detail::Offset(offset)) = error.detail() {
            insert(headers, header::RANGE.as_str(), format!("0-{}", offset.saturating_sub(1)));
        }
        if let (
            Some(Detail::Offset(_)),
            Some(Endpoint::Append(place, id) | Endpoint::FinishUpload(place, id, _)),
        ) = (error.detail(), endpoint)
        {
            insert(headers, header::LOCATION.as_str(), format!("/v2/{place}/blobs/uploads/{id}"));
        }
        response
    }

    /// `Bearer realm=…,service=…,scope=…[,error=…]` (distribution, token specification; RFC 6750).
    fn challenge(&self, headers: &mut HeaderMap, error: &Error, endpoint: Option<&Endpoint>) {
        let base = self.base;
        let mut challenge = format!("Bearer realm=\"{base}/token\",service=\"{}\"", self.service);
        let beside = match error.detail() {
            Some(Detail::InsufficientScope(scopes)) => scopes.as_slice(),
            _ => &[],
        };
        let mut needed = endpoint.map(Endpoint::scopes).unwrap_or_default();
        for scope in beside {
            if !needed.iter().any(|other| other.covers(scope)) {
                needed.push(scope.clone());
            }
        }
        let scopes: Vec<String> = needed.iter().map(Scope::to_string).collect();
        if !scopes.is_empty() {
            challenge += &format!(",scope=\"{}\"", scopes.join(" "));
        }
        if matches!(error.detail(), Some(Detail::InsufficientScope(_))) {
            challenge += ",error=\"insufficient_scope\"";
        }
        insert(headers, header::WWW_AUTHENTICATE.as_str(), challenge);
        headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    }
}

/// The code of a refusal that only HTTP knows.
pub(crate) const fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "UNSUPPORTED",
        StatusCode::TOO_MANY_REQUESTS => "TOOMANYREQUESTS",
        _ => "UNKNOWN",
    }
}

/// An answer in OCI's shape, for layers in front of the API too. Where there is no detail, the field is left out:
/// clients print an empty one, as `map[]`.
pub(crate) fn oci_error(status: StatusCode, code: &str, message: &str, detail: Option<Value>) -> Response {
    let mut error = json!({ "code": code, "message": message });
    if let (Some(fields), Some(detail)) = (error.as_object_mut(), detail) {
        fields.insert("detail".to_owned(), detail);
    }
    (status, Json(json!({ "errors": [error] }))).into_response()
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn code(error: &Error) -> &'static str {
    match (error.kind(), error.detail()) {
        (Kind::NotFound(Subject::Manifest), _) => "MANIFEST_UNKNOWN",
        (Kind::NotFound(Subject::Blob), _) => "BLOB_UNKNOWN",
        (Kind::NotFound(Subject::Upload), _) => "BLOB_UPLOAD_UNKNOWN",
        // What else can be missing is never asked for here.
        (Kind::NotFound(_), _) => "NAME_UNKNOWN",
        (Kind::Invalid, Some(Detail::Missing(_))) => "MANIFEST_BLOB_UNKNOWN",
        (Kind::Invalid, Some(Detail::Manifest)) => "MANIFEST_INVALID",
        (Kind::Conflict, Some(Detail::Manifest)) => "DENIED",
        // Nothing is wrong with what came of it: crane tries again after this code, and never after the one above.
        (Kind::Timeout, Some(Detail::Manifest)) => "UNKNOWN",
        (Kind::Invalid, Some(Detail::Digest)) => "DIGEST_INVALID",
        (Kind::Invalid, Some(Detail::Name)) => "NAME_INVALID",
        (Kind::Invalid, Some(Detail::Page)) => "PAGINATION_NUMBER_INVALID",
        (_, Some(Detail::Rule(_))) => "DENIED",
        (Kind::TooLarge, _) => "SIZE_INVALID",
        (Kind::Unauthenticated, _) => "UNAUTHORIZED",
        (Kind::Denied | Kind::QuotaExceeded | Kind::Exists | Kind::PreconditionFailed, _) => "DENIED",
        (Kind::RateLimited, _) => "TOOMANYREQUESTS",
        (Kind::Invalid | Kind::OutOfRange | Kind::Conflict | Kind::Timeout, _) => "BLOB_UPLOAD_INVALID",
        (Kind::Unsupported, _) => "UNSUPPORTED",
        (Kind::StorageFull | Kind::Unavailable | Kind::Internal, _) => "UNKNOWN",
    }
}

fn detail(error: &Error) -> Option<Value> {
    match error.detail()? {
        Detail::Missing(digests) => Some(json!({ "digests": digests })),
        Detail::Rule(rule) => Some(json!({ "rule": rule })),
        Detail::Offset(offset) => Some(json!({ "offset": offset })),
        _ => None,
    }
}
