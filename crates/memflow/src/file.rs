//! One file: its bytes, what is known of it, and its end.

use std::collections::BTreeSet;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use wharf_core::{
    Condition, Digest, Error, Grant, Kind, Place, Result,
    action::{Delete, Pull},
};
use wharf_http::{Content, Served, blob_body};

use crate::{
    Call,
    artifact::{SIGNATURE, file_name},
    endpoint::{Digits, not_found},
    list::shown,
    search, upstream,
    variant::Variant,
};

/// What is named by its digest never changes.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// `GET /files/{digest}`, whole or one range of it.
pub(crate) async fn get(call: &Call<'_>, digits: &Digits) -> Result<Response> {
    let variant = first(find_or_fetch(call, digits).await?)?;
    let grant = call.registry.grant::<Pull>(call.actor, &variant.row.place).await?;
    let content = content(&variant)?;
    if let Some(known) = content.known(call.headers())? {
        return Ok(known);
    }
    if call.is_head() {
        call.registry.stat_blob(&grant, &variant.file).await?;
        return content.head(call.headers());
    }
    let blob = call.registry.open_blob(&grant, &variant.file).await?;
    match content.get(call.headers())? {
        Served::Known(response) => Ok(response),
        Served::Part(response, range) => blob_body(response, blob.delivery(range).await?),
    }
}

/// `GET /files/{digest}/metadata`
pub(crate) async fn metadata(call: &Call<'_>, digits: &Digits) -> Result<Response> {
    let variants = find_or_fetch(call, digits).await?;
    let trust = call.signing.trust(&call.place).await?;
    let descriptors = variants.iter().map(|variant| serde_json::to_value(&variant.descriptor));
    let descriptors = descriptors.collect::<Result<Vec<_>, _>>().map_err(Error::internal)?;
    let variant = first(variants)?;
    let signatures = variant.signatures(call.registry, call.actor, &trust).await?;
    let mut known = shown(&variant, &variant.shown(&signatures))?;
    known.insert("signatures".to_owned(), serde_json::to_value(&signatures).map_err(Error::internal)?);
    known.insert("descriptors".to_owned(), Value::Array(descriptors));
    Ok(Json(known).into_response())
}

/// `DELETE /files/{digest}`: every manifest of the file in this registry, with the signatures that are about it. Nothing is
/// touched before all of it may be. Where several ask at once, each manifest goes by one of them, and whoever found
/// nothing to remove is told that there is none.
pub(crate) async fn delete(call: &Call<'_>, digits: &Digits) -> Result<Response> {
    let file = first(find(call, digits).await?)?.file;
    let registry = call.registry.grant_registry(call.actor, &call.place).await?;
    let mut removed = 0;
    // What was pushed while the others went goes too: who is told that the file is gone finds none of it.
    loop {
        let gone = remove(call, search::manifests_of(call, &registry, &file).await?).await?;
        match (gone, removed) {
            (0, 0) => return Err(not_found()),
            (0, _) => return Ok(StatusCode::OK.into_response()),
            _ => removed += gone,
        }
    }
}

/// Removes manifests; says how many of them were still there.
async fn remove(call: &Call<'_>, manifests: BTreeSet<(Place, Digest)>) -> Result<usize> {
    let mut allowed = Vec::new();
    for (place, digest) in manifests {
        let read = call.registry.grant::<Pull>(call.actor, &place).await?;
        allowed.push((call.registry.grant::<Delete>(call.actor, &place).await?, read, digest));
    }
    let mut removed = 0;
    for (grant, read, digest) in allowed {
        // The plugin goes first: one without signatures is never to be seen.
        let signatures = signatures(call, &read, digest).await?;
        let deleted = call.registry.delete_manifest(&grant, &digest, Condition::default()).await;
        removed += usize::from(was_there(deleted)?);
        for signature in signatures {
            was_there(call.registry.delete_manifest(&grant, &signature, Condition::default()).await)?;
        }
    }
    Ok(removed)
}

/// Whether a deletion found what it was to delete: somebody else may have been faster.
fn was_there(deleted: Result<()>) -> Result<bool> {
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn signatures(call: &Call<'_>, grant: &Grant<Pull>, plugin: Digest) -> Result<Vec<Digest>> {
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = call.registry.referrers(grant, plugin, Some(SIGNATURE.to_owned()), last).await?;
        found.extend(page.entries.iter().map(|referrer| referrer.digest));
        last = found.last().copied();
        if !page.more {
            return Ok(found);
        }
    }
}

async fn find(call: &Call<'_>, digits: &Digits) -> Result<Vec<Variant>> {
    upstream::find(call, digits).await
}

/// The same, fetched from the upstream where the registry has one and lacks the file.
async fn find_or_fetch(call: &Call<'_>, digits: &Digits) -> Result<Vec<Variant>> {
    match find(call, digits).await {
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => {
            let grant = call.registry.grant_registry(call.actor, &call.place).await?;
            let proxy = upstream::proxy(call, &grant).await?.ok_or(error)?;
            upstream::fetch(call, &proxy, digits).await?;
            find(call, digits).await
        }
        found => found,
    }
}

fn first(variants: Vec<Variant>) -> Result<Variant> {
    variants.into_iter().next().ok_or_else(not_found)
}

fn content(variant: &Variant) -> Result<Content> {
    let disposition = format!("attachment; filename=\"{}\"", file_name(&variant.descriptor, &variant.file));
    let content = Content::new(variant.file, IMMUTABLE)?.sized(variant.size);
    content.with(header::CONTENT_DISPOSITION, disposition)
}
