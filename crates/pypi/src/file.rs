//! The files themselves, and their metadata.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use wharf_core::{Digest, Error, Grant, Kind, Result, Subject, action::Pull};
use wharf_http::{Content, Served, blob_body};
use wharf_registry::format::Pair;

use crate::{
    Call,
    format::{FILENAME, File, METADATA, NAME},
};

/// `HEAD /pypi/{organisation}/{registry}/files/{project}/{filename}`
pub(crate) async fn head(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let digest = find(call, grant, filename).await?;
    head_of(call, grant, (digest, Stands::Forever)).await
}

/// What is said of a file that the repository holds.
pub(crate) async fn head_of(
    call: &Call<'_>,
    grant: &Grant<Pull>,
    (digest, stands): (Digest, Stands),
) -> Result<Response> {
    let blob = call.registry.open_blob(grant, &digest).await?;
    blob.expect_bytes().await?;
    content(digest, stands)?.sized(blob.size).head(call.headers)
}

/// `GET /pypi/{organisation}/{registry}/files/{project}/{filename}`, whole or one range of it: pip takes broken
/// downloads up again, and uv reads the end of a wheel first.
pub(crate) async fn get(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let digest = find(call, grant, filename).await?;
    get_of(call, grant, (digest, Stands::Forever)).await
}

/// A file that the repository holds.
pub(crate) async fn get_of(
    call: &Call<'_>,
    grant: &Grant<Pull>,
    (digest, stands): (Digest, Stands),
) -> Result<Response> {
    let blob = call.registry.open_blob(grant, &digest).await?;
    match content(digest, stands)?.sized(blob.size).get(call.headers)? {
        Served::Known(response) => Ok(response),
        Served::Part(response, range) => blob_body(response, blob.delivery(range).await?),
    }
}

/// `GET /pypi/{organisation}/{registry}/files/{project}/{filename}.metadata` (PEP 658)
pub(crate) async fn metadata(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Response> {
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let document = call.registry.listed_document(grant, pair, METADATA).await?.ok_or_else(no_file)?;
    Ok(metadata_of(document.bytes, Stands::Forever))
}

/// The metadata of a file.
pub(crate) fn metadata_of(bytes: Bytes, stands: Stands) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static(stands.cache_control())),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, bytes).into_response()
}

/// For how long a name stands for the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// For ever: what was published here never changes.
    Forever,
    /// As long as the upstream says so, which need not keep what it promised: readers ask again, by the entity tag.
    AsUpstreamSays,
}

impl Stands {
    const fn cache_control(self) -> &'static str {
        match self {
            Self::Forever => "private, max-age=365000000, immutable",
            Self::AsUpstreamSays => "private, max-age=0, must-revalidate",
        }
    }
}

async fn find(call: &Call<'_>, grant: &Grant<Pull>, filename: &str) -> Result<Digest> {
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let row = call.registry.find_listed(grant, pair).await?.ok_or_else(no_file)?;
    File::of(&row)?.digest.parse()
}

pub(crate) fn no_file() -> Error {
    Error::new(Kind::NotFound(Subject::Blob), "there is no such file here")
}

/// A file as it is served; how large it is, is still to be said.
pub(crate) fn content(digest: Digest, stands: Stands) -> Result<Content> {
    Content::new(digest, stands.cache_control())
}
