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
use wharf_core::{Error, Kind, Reference, RegistryPlace, Result, Subject, action::Pull};
use wharf_registry::{format::BlobReader, port::ShownRow};

pub(crate) use self::{delete::delete, push::upload, sign::upload_provenance};
use crate::{
    Call,
    archive::Templates,
    format::{NAME, VALUES},
    index::{self, entries},
};

/// The word for the newest version that is no pre-release.
const LATEST: &str = "latest";

/// `GET …/api/charts/{name}`
pub(crate) async fn versions(call: &Call<'_>, registry: &RegistryPlace, name: &str) -> Result<Response> {
    let turn = call.looks.next(&registry.organisation).await?;
    let rows = about(call, registry, name).await?;
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
    let rows = about(call, registry, name).await?;
    let versions = rows.iter().map(version_of).collect::<Result<Vec<_>>>()?;
    let is_wanted = |version: &&String| match wanted {
        LATEST => !version.contains('-'),
        wanted => *version == wanted,
    };
    let at = versions.iter().position(|version| is_wanted(&version)).or((wanted == LATEST).then_some(0));
    at.and_then(|at| rows.into_iter().nth(at)).ok_or_else(not_found)
}

/// What the caller may read about a chart, the newest version first.
async fn about(call: &Call<'_>, registry: &RegistryPlace, name: &str) -> Result<Vec<ShownRow>> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    call.registry.shown_about(&grant, (NAME, name)).await
}

fn version_of(row: &ShownRow) -> Result<String> {
    let chart: Map<String, Value> = serde_json::from_str(&row.attributes).map_err(Error::internal)?;
    Ok(index::version(&chart).to_owned())
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
