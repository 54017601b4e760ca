//! The files themselves: packaged charts and their provenance files.

use axum::{http::header, response::Response};
use serde_json::Value;
use wharf_core::{Digest, Error, Grant, Kind, Reference, Result, Subject, action::Pull};
use wharf_http::{Content, REVALIDATED, Served, blob_body};

use crate::{
    Call,
    endpoint::{File, Part},
    format::tag_of,
};

/// `GET /helm/{organisation}/{registry}/charts/{repository}/{name}-{version}.tgz`, and `.prov`: whole or one range.
pub(crate) async fn get(call: &Call<'_>, file: &File) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, &file.place).await?;
    let digest = find(call, &grant, file).await?;
    let blob = call.registry.open_blob(&grant, &digest).await?;
    let media_type = match file.part {
        Part::Content => "application/gzip",
        Part::Provenance => "application/pgp-signature",
    };
    let content =
        Content::new(digest, REVALIDATED)?.sized(blob.size).with(header::CONTENT_TYPE, media_type)?;
    match content.get(call.headers)? {
        Served::Known(response) => Ok(response),
        Served::Part(response, range) => blob_body(response, blob.delivery(range).await?),
    }
}

/// The digest of a file: what stands under the tag of its version says it.
async fn find(call: &Call<'_>, grant: &Grant<Pull>, file: &File) -> Result<Digest> {
    let tag = tag_of(&file.version).ok_or_else(no_file)?;
    let facts =
        call.registry.facts_of(grant, &Reference::Tag(tag)).await.map_err(|error| match error.kind() {
            Kind::NotFound(_) => no_file(),
            _ => error,
        })?;
    let fact = facts.into_iter().next().ok_or_else(no_file)?;
    let text = |name: &str, field: &str| fact.attributes.get(name)?.get(field)?.as_str().map(str::to_owned);
    let version = fact.attributes.get("version").and_then(Value::as_str);
    let digest = match file.part {
        Part::Content => text("content", "digest"),
        Part::Provenance => text("provenance", "digest"),
    };
    // A tag with an underscore could stand for a version with one, which is none, and for one with a plus sign.
    let digest = digest.filter(|_| version == Some(&file.version));
    digest.ok_or_else(no_file)?.parse()
}

fn no_file() -> Error {
    Error::new(Kind::NotFound(Subject::Blob), "not found")
}
