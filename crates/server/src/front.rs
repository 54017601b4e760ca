//! What is looked at before any route: the size of a request's head, the name it calls us by, and the coding of its
//! body. What is refused here is refused in the shape of the door it came to.
//!
//! No answer of ours carries a header of CORS: nothing here is for scripts of other sites.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Version, header, request::Parts},
    middleware::Next,
    response::Response,
};
use hyper::body::Body as _;
use wharf_http::{expect_authority, problem_of, request_id_of};

/// The most headers of a request.
pub(crate) const MOST_HEADERS: usize = 100;
/// The longest path, in bytes.
const LONGEST_PATH: usize = 8 * 1024;
/// The longest target, in bytes: a path, and a query in which a hundred tags of the longest kind have room.
const LONGEST_TARGET: usize = 16 * 1024;

/// The largest head of a request, in bytes; on HTTP/2 it is half of that, counted by that protocol's own rule.
#[derive(Clone, Copy)]
pub(crate) struct LargestHead(pub(crate) usize);

/// Lets a request through, or refuses it before its body is read.
pub(crate) async fn check(State(largest): State<LargestHead>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    match fault(&parts, largest).or_else(|| coding_fault(&parts).filter(|_| has_body)) {
        None => next.run(Request::from_parts(parts, body)).await,
        Some((status, words)) => refuse(&parts, status, &words),
    }
}

/// A status and words.
type Fault = (StatusCode, String);

/// What is wrong with the head of a request, if anything is.
fn fault(request: &Parts, LargestHead(largest): LargestHead) -> Option<Fault> {
    let fault = |status, words: &str| Some((status, words.to_owned()));
    let target = request.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if request.uri.path().len() > LONGEST_PATH || target > LONGEST_TARGET {
        return fault(StatusCode::URI_TOO_LONG, "the path or the query of the request is too long");
    }
    // RFC 9113, section 6.5.2, counts 32 bytes for each; HTTP/1 has a colon, a blank and the end of a line.
    let (largest, each) = if request.version == Version::HTTP_2 { (largest / 2, 32) } else { (largest, 4) };
    let sizes = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + each);
    if target + sizes.sum::<usize>() > largest || request.headers.len() > MOST_HEADERS {
        return fault(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large");
    }
    expect_authority(request).err().map(|error| (StatusCode::BAD_REQUEST, error.message().to_owned()))
}

/// A body that is said to be compressed: its digest would be that of something else.
fn coding_fault(request: &Parts) -> Option<Fault> {
    let plain = |coding: &str| coding.trim().is_empty() || coding.trim().eq_ignore_ascii_case("identity");
    let is_plain = |list: &HeaderValue| list.to_str().is_ok_and(|list| list.split(',').all(plain));
    if request.headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return None;
    }
    let words = "a body must come as it is, without a Content-Encoding";
    Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, words.to_owned()))
}

/// An answer in the shape of the door at a path.
pub(crate) fn shaped(path: &str, status: StatusCode, words: &str, request_id: &str) -> Response {
    match path {
        "/v2" | "/token" => wharf_oci::refuse(status, words),
        _ if path.starts_with("/v2/") => wharf_oci::refuse(status, words),
        _ if path.starts_with("/helm/") => wharf_helm::shaped(status, words),
        _ if is_of_memflow(path) => wharf_memflow::shaped(status, words),
        _ => problem_of(status, words, request_id),
    }
}

/// Whether a path is one of memflow's, which its clients also ask for at the root.
fn is_of_memflow(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next();
    matches!(first, Some("memflow" | "plugins" | "files" | "keys"))
}

fn refuse(request: &Parts, status: StatusCode, words: &str) -> Response {
    let mut response = shaped(request.uri.path(), status, words, request_id_of(&request.extensions));
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}
