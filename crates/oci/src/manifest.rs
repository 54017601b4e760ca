//! Reading, pushing and deleting manifests.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Detail, Error, Kind, MediaType, Place, Reference, Result,
    action::{Delete, Pull, Push},
    manifest::LARGEST,
};
use wharf_http::collect;
use wharf_registry::StoredManifest;

use crate::{Call, header_value};

/// `HEAD /v2/{name}/manifests/{reference}`
pub(crate) async fn head(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let stored = find(call, place, reference).await?;
    Ok((StatusCode::OK, headers(&stored)?, Body::empty()).into_response())
}

/// `GET /v2/{name}/manifests/{reference}`: always the stored type, never a converted one, whatever `Accept` says,
/// for another type would be another digest.
pub(crate) async fn get(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let stored = find(call, place, reference).await?;
    Ok((StatusCode::OK, headers(&stored)?, Body::from(stored.bytes)).into_response())
}

/// `PUT /v2/{name}/manifests/{reference}`
pub(crate) async fn put(
    call: &Call<'_>,
    place: &Place,
    reference: &Reference,
    body: Body,
) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    let content_type = content_type(call.headers)?;
    let bytes = collect(call.headers, body, LARGEST).await?;
    let pushed = call.registry.push_manifest(&grant, reference, content_type.as_ref(), bytes).await?;
    let location = header_value(format!("/v2/{place}/manifests/{}", pushed.digest))?;
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    response.headers_mut().insert("docker-content-digest", header_value(pushed.digest.to_string())?);
    Ok(response)
}

/// `DELETE /v2/{name}/manifests/{reference}`: a tag goes alone, a digest takes its tags with it.
pub(crate) async fn delete(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let grant = call.registry.grant::<Delete>(call.actor, place).await?;
    match reference {
        Reference::Tag(tag) => call.registry.delete_tag(&grant, tag).await?,
        Reference::Digest(digest) => call.registry.delete_manifest(&grant, digest).await?,
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn find(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<StoredManifest> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    call.registry.manifest(&grant, reference).await
}

fn content_type(headers: &HeaderMap) -> Result<Option<MediaType>> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(None) };
    let invalid = |_| Error::new(Kind::Invalid, "Content-Type cannot be read").with(Detail::Manifest);
    value.to_str().map_err(invalid)?.parse().map(Some)
}

fn headers(stored: &StoredManifest) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(stored.bytes.len()));
    headers.insert(header::CONTENT_TYPE, header_value(stored.media_type.as_str())?);
    headers.insert("docker-content-digest", header_value(stored.digest.to_string())?);
    headers.insert(header::ETAG, header_value(format!("\"{}\"", stored.digest))?);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(headers)
}
