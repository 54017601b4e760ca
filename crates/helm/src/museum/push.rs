//! Taking a chart in: read, and stored as the artifact that `helm push` makes, with what lies beside it.

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::task::spawn_blocking;
use wharf_core::{
    Condition, Digest, Error, Expected, Grant, Kind, Place, Reference, RegistryPlace, Result, action::Push,
};
use wharf_registry::{ManifestPush, ReleaseTag, Taps, Turn, port::ShownRow};

use super::{
    done, exists,
    form::{Bare, Form},
    of_version,
};
use crate::{Call, artifact::Artifact, endpoint::Existing};

/// `POST …/api/charts`
pub(crate) async fn upload(
    call: &Call<'_>,
    (registry, existing): (&RegistryPlace, Existing),
    body: Body,
) -> Result<Response> {
    expect_publisher(call, registry).await?;
    let turn = call.turns.next(&registry.organisation).await?;
    let Form { chart, provenance } = Form::read(call.headers, body, Bare::Chart).await?;
    let Some(packaged) = chart else {
        return super::sign::add(call, (registry, existing), provenance.unwrap_or_default()).await;
    };
    let upload = Upload::read(packaged, provenance, turn).await?;
    let place = place_of(registry, upload.artifact.name())?;
    let grant = call.registry.grant::<Push>(call.actor, &place).await?;
    expect_free(call, (registry, &place), &upload.artifact, existing).await?;
    let condition = match existing {
        // Of two that are sent at once one comes second.
        Existing::Kept => Condition { none_matches: Some(Expected::Anything), ..Condition::default() },
        Existing::Replaced => Condition::default(),
    };
    upload.store(call, &grant, condition).await?;
    Ok((StatusCode::CREATED, done("saved")).into_response())
}

/// Refuses who may publish no chart of the registry, before anything is read. Whether he may publish this one is asked
/// once its name is known.
pub(super) async fn expect_publisher(call: &Call<'_>, registry: &RegistryPlace) -> Result<()> {
    if call.actor.is_anonymous() {
        return Err(Error::new(Kind::Unauthenticated, "authentication required"));
    }
    call.registry.expect_pusher_below(call.actor, registry, None).await
}

/// The repository of a chart: that of its name, where `helm push` puts it that is told the registry.
pub(super) fn place_of(registry: &RegistryPlace, name: &str) -> Result<Place> {
    let RegistryPlace { organisation, registry } = registry.clone();
    Ok(Place { organisation, registry, repository: name.parse()? })
}

/// Refuses a version that is there, before anything is stored; and one that another repository has, whatever is asked for,
/// because the index shows only one of them.
async fn expect_free(
    call: &Call<'_>,
    (registry, place): (&RegistryPlace, &Place),
    artifact: &Artifact,
    existing: Existing,
) -> Result<()> {
    let standing = standing(call, registry, artifact).await?;
    if let Some(other) = standing.iter().find(|row| row.place != *place) {
        return Err(Error::new(Kind::Exists, format!("file already exists in {}", other.place)));
    }
    if existing == Existing::Kept && !standing.is_empty() {
        return Err(exists());
    }
    Ok(())
}

/// What the index shows the caller of this version: nothing to whom the registry is not there yet, and to a token that writes
/// only.
async fn standing(call: &Call<'_>, registry: &RegistryPlace, artifact: &Artifact) -> Result<Vec<ShownRow>> {
    match call.registry.grant_reach(call.actor, registry).await {
        Ok(grant) => of_version(call, &grant, (artifact.name(), artifact.version())).await,
        Err(error) if matches!(error.kind(), Kind::NotFound(_) | Kind::Denied) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A chart that was read and found good.
struct Upload {
    artifact: Artifact,
    /// It goes with the work, also when the client has gone.
    _turn: Turn,
}

impl Upload {
    /// Reads a packaged chart, on a thread that may block.
    async fn read(packaged: Bytes, provenance: Option<Bytes>, turn: Turn) -> Result<Self> {
        let read = move || Ok(Self { artifact: Artifact::read(packaged, provenance)?, _turn: turn });
        spawn_blocking(read).await.map_err(Error::internal)?
    }

    async fn store(&self, call: &Call<'_>, grant: &Grant<Push>, condition: Condition) -> Result<()> {
        for part in self.artifact.parts() {
            push_part(call, grant, part).await?;
        }
        let reference = Reference::Tag(self.artifact.tag().clone());
        push_manifest(call, grant, (reference, condition, self.artifact.manifest())).await
    }
}

/// Stores something that a manifest is about to name.
pub(super) async fn push_part(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (digest, bytes): (Digest, &Bytes),
) -> Result<()> {
    let body = Box::pin(stream::iter([Ok(bytes.clone())]));
    call.registry.push_blob(grant, digest, body, Taps::none()).await.map(drop)
}

/// Stores a manifest, by which everything it names is shown.
pub(super) async fn push_manifest(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (reference, condition, bytes): (Reference, Condition, Bytes),
) -> Result<()> {
    // The repository may have come to be with the first part.
    let grant = call.registry.regrant(grant).await?;
    let release = ReleaseTag::Kept;
    let push = ManifestPush { reference, tags: Vec::new(), content_type: None, condition, bytes, release };
    call.registry.push_manifest(&grant, push).await.map(drop)
}
