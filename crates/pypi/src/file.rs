//! The files themselves, and their metadata.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Digest, Error, Grant, Kind, Place, Result, Subject, action::Pull};
use wharf_http::{blob_body, conditions, not_modified, wanted_part};
use wharf_registry::format::Pair;

use crate::{
    Call,
    format::{FILENAME, File, METADATA, NAME},
};

/// `HEAD /pypi/{organisation}/{registry}/files/{project}/{filename}`
pub(crate) async fn head(call: &Call<'_>, place: &Place, filename: &str) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let digest = find(call, &grant, filename).await?;
    let blob = call.registry.open_blob(&grant, &digest).await?;
    blob.expect_bytes().await?;
    let headers = headers(&digest, blob.size)?;
    if conditions(call.headers).is_known(&digest) {
        return Ok(not_modified(headers));
    }
    Ok((StatusCode::OK, headers, Body::empty()).into_response())
}

/// `GET /pypi/{organisation}/{registry}/files/{project}/{filename}`, whole or one range of it: pip takes broken
/// downloads up again, and uv reads the end of a wheel first.
pub(crate) async fn get(call: &Call<'_>, place: &Place, filename: &str) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let digest = find(call, &grant, filename).await?;
    let blob = call.registry.open_blob(&grant, &digest).await?;
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
pub(crate) async fn metadata(call: &Call<'_>, place: &Place, filename: &str) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let document = call.registry.listed_document(&grant, pair, METADATA).await?.ok_or_else(no_file)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static(IMMUTABLE)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, document.bytes).into_response())
}

/// A name never stands for other bytes.
const IMMUTABLE: &str = "private, max-age=365000000, immutable";

async fn find(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Digest> {
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let row = call.registry.find_listed(grant, pair).await?.ok_or_else(no_file)?;
    File::of(&row)?.digest.parse()
}

fn no_file() -> Error {
    Error::new(Kind::NotFound(Subject::Blob), "there is no such file here")
}

fn headers(digest: &Digest, length: u64) -> Result<HeaderMap> {
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
