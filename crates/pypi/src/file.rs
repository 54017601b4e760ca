//! The files themselves, and their metadata.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use wharf_core::{Digest, Error, Grant, Kind, Result, Subject, action::Pull};
use wharf_http::{blob_body, conditions, not_modified, wanted_part};
use wharf_registry::format::Pair;

use crate::{
    Call,
    format::{FILENAME, File, METADATA, NAME},
};

/// `HEAD /pypi/{organisation}/{registry}/files/{project}/{filename}`
pub(crate) async fn head(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let digest = find(call, grant, filename).await?;
    head_of(call, grant, digest).await
}

/// What is said of a file that the repository holds.
pub(crate) async fn head_of(call: &Call<'_>, grant: &Grant<Pull>, digest: Digest) -> Result<Response> {
    let blob = call.registry.open_blob(grant, &digest).await?;
    blob.expect_bytes().await?;
    let headers = headers(&digest, blob.size)?;
    if conditions(call.headers).is_known(&digest) {
        return Ok(not_modified(headers));
    }
    Ok((StatusCode::OK, headers, Body::empty()).into_response())
}

/// `GET /pypi/{organisation}/{registry}/files/{project}/{filename}`, whole or one range of it: pip takes broken
/// downloads up again, and uv reads the end of a wheel first.
pub(crate) async fn get(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let digest = find(call, grant, filename).await?;
    get_of(call, grant, digest).await
}

/// A file that the repository holds.
pub(crate) async fn get_of(call: &Call<'_>, grant: &Grant<Pull>, digest: Digest) -> Result<Response> {
    let blob = call.registry.open_blob(grant, &digest).await?;
    if conditions(call.headers).is_known(&digest) {
        return Ok(not_modified(headers(&digest, blob.size)?));
    }
    let (status, range) = wanted_part(call.headers, &digest, blob.size)?;
    let mut response = (status, headers(&digest, range.end - range.start)?).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, blob.size);
        let content_range = HeaderValue::try_from(content_range).map_err(Error::internal)?;
        response.headers_mut().insert(header::CONTENT_RANGE, content_range);
    }
    blob_body(response, blob.delivery(range).await?)
}

/// `GET /pypi/{organisation}/{registry}/files/{project}/{filename}.metadata` (PEP 658)
pub(crate) async fn metadata(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let document = call.registry.listed_document(grant, pair, METADATA).await?.ok_or_else(no_file)?;
    Ok(metadata_of(document.bytes))
}

/// The metadata of a file.
pub(crate) fn metadata_of(bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, bytes).into_response()
}

/// A name never stands for other bytes.
const IMMUTABLE: &str = "private, max-age=365000000, immutable";

async fn find(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Digest> {
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let row = call.registry.find_listed(grant, pair).await?.ok_or_else(no_file)?;
    File::of(&row)?.digest.parse()
}

pub(crate) fn no_file() -> Error {
    Error::new(Kind::NotFound(Subject::Blob), "there is no such file here")
}

/// What every answer with a file says.
pub(crate) fn headers(digest: &Digest, length: u64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let etag = HeaderValue::try_from(format!("\"{digest}\"")).map_err(Error::internal)?;
    headers.insert(header::ETAG, etag);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}
