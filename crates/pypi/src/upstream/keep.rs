//! Storing what was fetched: as an upload stores it. A file that breaks the rules of uploads – the upstream has older
//! ones – is kept unread: it is found by its digest, and nothing of it is listed.

use axum::http::HeaderMap;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use wharf_core::{Algorithm, Condition, Error, Grant, Kind, MediaType, Reference, Result, action::Push};
use wharf_registry::{
    Finished, ManifestPush, Registry, ReleaseTag, Taps,
    upstream::{Keep, Stored},
};

use crate::{
    Call, Serving,
    filename::FileName,
    upload::{Received, publish},
};

/// The artifact type of a file that is kept unread.
const UNREAD: &str = "application/vnd.wharf.python.unread.v1";
/// Where such a file keeps its name. Under its usual annotation it would be read.
const NAME: &str = "vnd.wharf.python.filename";
/// An empty object (image-spec, manifest.md).
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Names a file of a project, so that it stays.
pub(super) fn keep(serving: Serving, filename: String) -> Keep {
    Box::new(move |stored: Stored| {
        Box::pin(async move {
            let (actor, headers) = (stored.grant.actor().clone(), HeaderMap::new());
            let registry = &serving.face.registry;
            let call = Call { registry, serving: &serving, actor: &actor, headers: &headers };
            let Stored { grant, file } = stored;
            match read(&call, &grant, (&filename, &file)).await {
                Err(error) if is_of_content(&error) => {
                    tracing::info!(filename, ?error, "a file of an upstream is kept unread");
                    keep_unread(registry, &grant, (&filename, &file)).await
                }
                read => read,
            }
        })
    })
}

async fn read(call: &Call<'_>, grant: &Grant<Push>, (filename, stored): (&str, &Finished)) -> Result<()> {
    let file = FileName::parse(filename)?;
    file.expect_normal()?;
    publish(call, &Received::of(grant.clone(), file, stored), &[]).await
}

/// Whether the fault is the file's, which another try would not change.
fn is_of_content(error: &Error) -> bool {
    matches!(error.kind(), Kind::Invalid | Kind::Exists | Kind::Conflict | Kind::TooLarge)
}

async fn keep_unread(
    registry: &Registry,
    grant: &Grant<Push>,
    (filename, stored): (&str, &Finished),
) -> Result<()> {
    let empty = Bytes::from_static(b"{}");
    let config = registry.push_blob(grant, None, Box::pin(stream::iter([Ok(empty)])), Taps::none()).await?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": UNREAD,
        "config": { "mediaType": EMPTY, "digest": config.digest.to_string(), "size": config.size },
        "layers": [{
            "mediaType": "application/octet-stream",
            "digest": stored.digest.to_string(),
            "size": stored.size,
        }],
        "annotations": { NAME: filename },
    });
    let bytes = Bytes::from(manifest.to_string());
    let push = ManifestPush {
        reference: Reference::Digest(wharf_hash::digest(Algorithm::Sha256, &bytes)),
        tags: Vec::new(),
        content_type: None,
        condition: Condition::default(),
        bytes,
        release: ReleaseTag::Kept,
    };
    registry.push_manifest(grant, push).await.map(drop)
}
