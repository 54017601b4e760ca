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
    Access, Actor, Condition, Error, Expected, Grant, Kind, Place, Reference, RegistryPlace, Result,
    action::Push,
};
use wharf_registry::{ManifestPush, ReleaseTag, Taps, Turn, format::Refusal};

use super::{
    about, done, exists,
    form::{Bare, Form},
    version_of,
};
use crate::{
    Call,
    archive::Archive,
    artifact::{Part, manifest},
    chart::Chart,
    endpoint::Existing,
    format::tag_of,
    provenance,
};

/// A chart like any other.
const ANY: &str = "any";

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
    let place = place_of(registry, &upload.chart.name)?;
    let grant = call.registry.grant::<Push>(call.actor, &place).await?;
    expect_free(call, registry, (&upload.chart, &place), existing).await?;
    let condition = match existing {
        // Of two that are sent at once one comes second.
        Existing::Kept => Condition { none_matches: Some(Expected::Anything), ..Condition::default() },
        Existing::Replaced => Condition::default(),
    };
    upload.store(call, &grant, condition).await?;
    Ok((StatusCode::CREATED, done("saved")).into_response())
}

/// Refuses who may publish no chart of the registry, before anything is read: for the right to publish, all charts are
/// one. Only what a token reaches can differ, and that is asked once the name of the chart is known.
pub(super) async fn expect_publisher(call: &Call<'_>, registry: &RegistryPlace) -> Result<()> {
    if call.actor.is_anonymous() {
        return Err(Error::new(Kind::Unauthenticated, "authentication required"));
    }
    let place = place_of(registry, ANY)?;
    let Err(refused) = call.registry.grant::<Push>(call.actor, &place).await else { return Ok(()) };
    let owner = Actor { access: Access::Whole, ..call.actor.clone() };
    call.registry.grant::<Push>(&owner, &place).await.map(drop).map_err(|_| refused)
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
    registry: &RegistryPlace,
    (chart, place): (&Chart, &Place),
    existing: Existing,
) -> Result<()> {
    for row in readable(call, registry, &chart.name).await? {
        if version_of(&row)? != chart.version {
            continue;
        }
        if row.place != *place {
            let words = format!("file already exists in {}", row.place);
            return Err(Error::new(Kind::Exists, words));
        }
        if existing == Existing::Kept {
            return Err(exists());
        }
    }
    Ok(())
}

/// What the index shows the caller of a chart: nothing to whom the registry is not there yet, and to a token that writes
/// only.
async fn readable(
    call: &Call<'_>,
    registry: &RegistryPlace,
    name: &str,
) -> Result<Vec<wharf_registry::port::ShownRow>> {
    match about(call, registry, name).await {
        Err(error) if matches!(error.kind(), Kind::NotFound(_) | Kind::Denied) => Ok(Vec::new()),
        rows => rows,
    }
}

/// A chart that was read and found good.
struct Upload {
    chart: Chart,
    config: Part,
    content: Part,
    provenance: Option<Part>,
    /// It goes with the work, also when the client has gone.
    _turn: Turn,
}

impl Upload {
    /// Reads a packaged chart, on a thread that may block.
    async fn read(packaged: Bytes, provenance: Option<Bytes>, turn: Turn) -> Result<Self> {
        let read = move || {
            let chart =
                Archive::read(&packaged[..], packaged.len() as u64).and_then(|archive| archive.chart())?;
            if tag_of(&chart.version).is_none() {
                return Err(
                    Refusal::new(format!("the chart's version {:?} cannot be a tag", chart.version)).into()
                );
            }
            let (config, content) = (Part::config(&chart)?, Part::content(packaged));
            let provenance = provenance.map(Part::provenance);
            if let Some(provenance) = &provenance {
                expect_named(&provenance.bytes, &content.digest.to_string())?;
            }
            Ok(Self { chart, config, content, provenance, _turn: turn })
        };
        spawn_blocking(read).await.map_err(Error::internal)?
    }

    async fn store(&self, call: &Call<'_>, grant: &Grant<Push>, condition: Condition) -> Result<()> {
        let layers: Vec<&Part> = [&self.content].into_iter().chain(&self.provenance).collect();
        for part in layers.iter().copied().chain([&self.config]) {
            push_part(call, grant, part).await?;
        }
        let bytes = manifest(&self.chart, &self.config, &layers);
        let tag = tag_of(&self.chart.version).ok_or_else(|| Error::internal("a version lost its tag"))?;
        push_manifest(call, grant, (Reference::Tag(tag), condition, bytes)).await
    }
}

/// Refuses a provenance file that speaks of another chart.
pub(super) fn expect_named(provenance: &[u8], content: &str) -> Result<()> {
    if provenance::names_digest(provenance, content) {
        return Ok(());
    }
    Err(Error::new(Kind::Invalid, "the provenance file does not name this packaged chart by its digest"))
}

/// Stores something that a manifest is about to name.
pub(super) async fn push_part(call: &Call<'_>, grant: &Grant<Push>, part: &Part) -> Result<()> {
    let body = Box::pin(stream::iter([Ok(part.bytes.clone())]));
    call.registry.push_blob(grant, part.digest, body, Taps::none()).await.map(drop)
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
