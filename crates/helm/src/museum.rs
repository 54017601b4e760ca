//! ChartMuseum's API: what its clients ask of single charts, and what they send.

mod delete;
mod form;
mod push;
mod sign;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};
use tokio::task::spawn_blocking;
use wharf_core::{Error, Kind, ReachGrant, Reference, RegistryPlace, Result, Subject, action::Pull};
use wharf_registry::{
    format::{BlobReader, Pair, SubjectOf},
    port::ShownRow,
};

pub(crate) use self::{delete::delete, push::upload, sign::upload_provenance};
use crate::{
    Call,
    archive::Templates,
    format::{NAME, VALUES},
    index::entries,
    version::is_release,
};

/// The word for the newest version that is no pre-release.
const LATEST: &str = "latest";

/// `GET …/api/charts/{name}`
pub(crate) async fn versions(call: &Call<'_>, registry: &RegistryPlace, name: &str) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let turn = call.looks.next(&registry.organisation).await?;
    let rows = call.registry.shown_about(&grant, SubjectOf { format: NAME, subject: name }).await?;
    if rows.is_empty() {
        return Err(not_found());
    }
    let list = move || {
        let (_turn, entries) = (turn, entries(&rows)?);
        let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
        Ok(json(format!("[{}]", entries.join(","))))
    };
    spawn_blocking(list).await.map_err(Error::internal)?
}

/// `GET …/api/charts/{name}/{version}`
pub(crate) async fn version(
    call: &Call<'_>,
    registry: &RegistryPlace,
    (name, version): (&str, &str),
) -> Result<Response> {
    let rows = [find(call, registry, (name, version)).await?];
    let entry = entries(&rows)?.pop();
    entry.map(|(_, entry)| json(entry)).ok_or_else(not_found)
}

/// `GET …/api/charts/{name}/{version}/values`
pub(crate) async fn values(
    call: &Call<'_>,
    registry: &RegistryPlace,
    (name, version): (&str, &str),
) -> Result<Response> {
    let row = find(call, registry, (name, version)).await?;
    let grant = call.registry.grant::<Pull>(call.actor, &row.place).await?;
    let document = call.registry.document(&grant, &Reference::Digest(row.digest), VALUES).await?;
    let headers = [(header::CONTENT_TYPE, "application/yaml"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, document.bytes).into_response())
}

/// `GET …/api/charts/{name}/{version}/templates`
pub(crate) async fn templates(
    call: &Call<'_>,
    registry: &RegistryPlace,
    (name, version): (&str, &str),
) -> Result<Response> {
    let row = find(call, registry, (name, version)).await?;
    let grant = call.registry.grant::<Pull>(call.actor, &row.place).await?;
    let chart: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(Error::internal)?;
    let digest = chart.get("content").and_then(|content| content.get("digest")?.as_str());
    let digest = digest.ok_or_else(not_found)?.parse()?;
    let turn = call.looks.next(&registry.organisation).await?;
    let read = move |reader: BlobReader| {
        let (_turn, size) = (turn, reader.size());
        Templates::read(reader, size)
    };
    let templates = call.registry.read_blob(&grant, &digest, read).await?;
    Ok(json(serde_json::to_string(&templates).map_err(Error::internal)?))
}

/// The version of a chart that the index shows.
async fn find(call: &Call<'_>, registry: &RegistryPlace, (name, wanted): (&str, &str)) -> Result<ShownRow> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let found = match wanted {
        LATEST => latest(call, &grant, name).await?,
        version => of_version(call, &grant, (name, version)).await?.into_iter().next(),
    };
    found.ok_or_else(not_found)
}

/// The newest version of a chart that is no pre-release; the newest of all where there is none.
async fn latest(call: &Call<'_>, grant: &ReachGrant, name: &str) -> Result<Option<ShownRow>> {
    let about = SubjectOf { format: NAME, subject: name };
    match call.registry.newest_about(grant, about, Box::new(|row| is_release(&row.tag))).await? {
        None => call.registry.newest_about(grant, about, Box::new(|_| true)).await,
        found => Ok(found),
    }
}

/// The same version of a chart wherever the caller may read it, that which the index shows first.
async fn of_version(
    call: &Call<'_>,
    grant: &ReachGrant,
    (name, version): (&str, &str),
) -> Result<Vec<ShownRow>> {
    let pair = Pair { format: NAME, name: "version", value: version };
    call.registry.shown_with(grant, name, pair).await
}

fn json(text: String) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}

fn done(word: &str) -> Json<Value> {
    Json(serde_json::json!({ word: true }))
}

fn not_found() -> Error {
    Error::new(Kind::NotFound(Subject::Manifest), "not found")
}

fn exists() -> Error {
    Error::new(Kind::Exists, "file already exists")
}
