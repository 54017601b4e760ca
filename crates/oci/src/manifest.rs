//! Reading, pushing and deleting manifests.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Detail, Error, Grant, Kind, MediaType, Place, Reference, Result, Tag,
    action::{Delete, Pull, Push},
    manifest::LARGEST,
};
use wharf_http::{collect, conditions, not_modified};
use wharf_registry::{ManifestPush, ReleaseTag, StoredManifest};

use crate::{Call, header_value};

/// `HEAD /v2/{name}/manifests/{reference}`
pub(crate) async fn head(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let (_, stored) = find(call, place, reference).await?;
    say(call, &stored, Body::empty())
}

/// `GET /v2/{name}/manifests/{reference}`: always the stored type, never a converted one, whatever `Accept` says,
/// for another type would be another digest.
pub(crate) async fn get(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let (grant, stored) = find(call, place, reference).await?;
    let tag = if let Reference::Tag(tag) = reference { Some(tag) } else { None };
    call.registry.note_pull(&grant, &stored.digest, tag);
    let body = Body::from(stored.bytes.clone());
    say(call, &stored, body)
}

/// `PUT /v2/{name}/manifests/{reference}[?tag=…&tag=…]`
pub(crate) async fn put(
    call: &Call<'_>,
    place: &Place,
    (reference, tags): (&Reference, &[Tag]),
    body: Body,
) -> Result<Response> {
    let grant = call.registry.grant::<Push>(call.actor, place).await?;
    let _turn = call.registry.turn(&grant).await?;
    let push = ManifestPush {
        reference: reference.clone(),
        tags: tags.to_vec(),
        content_type: content_type(call.headers)?,
        condition: conditions(call.headers),
        bytes: collect(call.headers, body, LARGEST).await.map_err(|error| error.with(Detail::Manifest))?,
        release: ReleaseTag::Kept,
    };
    let grant = call.registry.regrant(&grant).await?;
    let pushed = call.registry.push_manifest(&grant, push).await?;
    let location = header_value(format!("/v2/{place}/manifests/{}", pushed.digest))?;
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    let headers = response.headers_mut();
    headers.insert("docker-content-digest", header_value(pushed.digest.to_string())?);
    headers.insert(header::ETAG, header_value(format!("\"{}\"", pushed.digest))?);
    if let Some(subject) = pushed.subject {
        headers.insert("oci-subject", header_value(subject.to_string())?);
    }
    if !tags.is_empty() {
        // One header with a list: clients exist that stop at a hundred headers.
        let list: Vec<&str> = tags.iter().map(Tag::as_str).collect();
        headers.insert("oci-tag", header_value(list.join(", "))?);
    }
    Ok(response)
}

/// `DELETE /v2/{name}/manifests/{reference}`: a tag goes alone, a digest takes its tags with it.
pub(crate) async fn delete(call: &Call<'_>, place: &Place, reference: &Reference) -> Result<Response> {
    let grant = call.registry.grant::<Delete>(call.actor, place).await?;
    let condition = conditions(call.headers);
    match reference {
        Reference::Tag(tag) => call.registry.delete_tag(&grant, tag, condition).await?,
        Reference::Digest(digest) => call.registry.delete_manifest(&grant, digest, condition).await?,
    }
    Ok(StatusCode::ACCEPTED.into_response())
}

async fn find(
    call: &Call<'_>,
    place: &Place,
    reference: &Reference,
) -> Result<(Grant<Pull>, StoredManifest)> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let stored = call.registry.manifest(&grant, reference).await?;
    Ok((grant, stored))
}

/// The manifest, or that the reader has it already.
fn say(call: &Call<'_>, stored: &StoredManifest, body: Body) -> Result<Response> {
    let headers = headers(stored)?;
    if conditions(call.headers).is_known(&stored.digest)? {
        return Ok(not_modified(headers));
    }
    Ok((StatusCode::OK, headers, body).into_response())
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
