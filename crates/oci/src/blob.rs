//! Reading and deleting blobs.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Detail, Digest, Error, Kind, Place, Result,
    action::{Delete, Pull},
};
use wharf_http::{ByteRange, blob_body, byte_range};

use crate::{
    Call,
    condition::{conditions, not_modified, range_counts},
    header_value,
};

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
    let wanted = call.headers.get(header::RANGE).filter(|_| range_counts(call.headers, digest));
    let wanted = wanted.and_then(|range| range.to_str().ok());
    let (status, range) = match byte_range(wanted, size) {
        ByteRange::Whole => (StatusCode::OK, 0..size),
        ByteRange::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        ByteRange::Unsatisfiable => {
            let error = Error::new(Kind::OutOfRange, "the range begins behind the end of the blob");
            return Err(error.with(Detail::Size(size)));
        }
    };
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
