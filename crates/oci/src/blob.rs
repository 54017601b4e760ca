//! Reading and deleting blobs.

use axum::{
    http::{HeaderName, StatusCode},
    response::{IntoResponse, Response},
};
use wharf_core::{
    Digest, Place, Result,
    action::{Delete, Pull},
};
use wharf_http::{Content, Served, blob_body, conditions};

use crate::Call;

/// What is named by its digest never changes.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// `HEAD /v2/{name}/blobs/{digest}`
pub(crate) async fn head(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let blob = call.registry.stat_blob(&grant, digest).await?;
    content(digest, blob.size)?.head(call.headers)
}

/// `GET /v2/{name}/blobs/{digest}`, whole or one range of it.
pub(crate) async fn get(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let blob = call.registry.open_blob(&grant, digest).await?;
    match content(digest, blob.size)?.get(call.headers)? {
        Served::Known(response) => Ok(response),
        Served::Part(response, range) => blob_body(response, blob.delivery(range).await?),
    }
}

/// `DELETE /v2/{name}/blobs/{digest}`
pub(crate) async fn delete(call: &Call<'_>, place: &Place, digest: &Digest) -> Result<Response> {
    let grant = call.registry.grant::<Delete>(call.actor, place).await?;
    call.registry.delete_blob(&grant, digest, conditions(call.headers)).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn content(digest: &Digest, size: u64) -> Result<Content> {
    let digest_header = HeaderName::from_static("docker-content-digest");
    Content::new(*digest, IMMUTABLE)?.sized(size).with(digest_header, digest.to_string())
}
