//! Reading and deleting blobs.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Digest, Place, Result,
    action::{Delete, Pull},
};
use wharf_http::{blob_body, conditions, not_modified, wanted_part};

use crate::{Call, header_value};

/// `HEAD /v2/{name}/blobs/{digest}`
pub(crate) async fn head(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let blob = call.registry.stat_blob(&grant, digest).await?;
    let headers = headers(digest, blob.size)?;
    if conditions(call.headers).is_known(digest) {
        return Ok(not_modified(headers));
    }
    Ok((StatusCode::OK, headers, Body::empty()).into_response())
}

/// `GET /v2/{name}/blobs/{digest}`, whole or one range of it.
pub(crate) async fn get(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let blob = call.registry.open_blob(&grant, digest).await?;
    let size = blob.size;
    if conditions(call.headers).is_known(digest) {
        return Ok(not_modified(headers(digest, size)?));
    }
    let (status, range) = wanted_part(call.headers, digest, size)?;
    let mut response = (status, headers(digest, range.end - range.start)?).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, header_value(content_range)?);
    }
    blob_body(response, blob.delivery(range).await?)
}

/// `DELETE /v2/{name}/blobs/{digest}`
pub(crate) async fn delete(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Delete>(call.actor, place).await?;
    call.registry.delete_blob(&grant, digest, conditions(call.headers)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// What every answer with a blob says. The bytes are somebody's upload: no browser may take them for a page.
fn headers(digest: &Digest, length: u64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert("docker-content-digest", header_value(digest.to_string())?);
    headers.insert(header::ETAG, header_value(format!("\"{digest}\""))?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}
