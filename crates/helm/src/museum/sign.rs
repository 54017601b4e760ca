//! A provenance file that comes after its chart: the artifact is made anew with it.

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use wharf_core::{
    Condition, Error, Expected, Kind, Reference, RegistryPlace, Result,
    action::{Pull, Push},
};
use wharf_registry::StoredManifest;

use super::{
    done, exists,
    form::{Bare, Form},
    not_found,
    push::{expect_publisher, place_of, push_manifest, push_part},
};
use crate::{
    Call,
    artifact::{Part, expect_named},
    endpoint::Existing,
    format::{CONTENT, PROVENANCE, tag_of},
    provenance,
};

/// `POST …/api/prov`
pub(crate) async fn upload_provenance(
    call: &Call<'_>,
    (registry, existing): (&RegistryPlace, Existing),
    body: Body,
) -> Result<Response> {
    expect_publisher(call, registry).await?;
    let _turn = call.turns.next(&registry.organisation).await?;
    let Form { provenance, .. } = Form::read(call.headers, body, Bare::Provenance).await?;
    let missing = || Error::new(Kind::Invalid, "the form holds no prov");
    add(call, (registry, existing), provenance.ok_or_else(missing)?).await
}

/// Adds a provenance file to the chart that it describes.
pub(super) async fn add(
    call: &Call<'_>,
    (registry, existing): (&RegistryPlace, Existing),
    bytes: Bytes,
) -> Result<Response> {
    let chart = provenance::chart(&bytes)?;
    let place = place_of(registry, &chart.name)?;
    let tag = tag_of(&chart.version).ok_or_else(not_found)?;
    let grant = call.registry.grant::<Push>(call.actor, &place).await?;
    let read = call.registry.grant::<Pull>(call.actor, &place).await?;
    let standing = call.registry.manifest(&read, &Reference::Tag(tag.clone())).await;
    let standing = standing.map_err(|error| match error.kind() {
        Kind::NotFound(_) => not_found(),
        _ => error,
    })?;
    let part = Part::provenance(bytes);
    let signed = with_provenance(&standing, &part, existing)?;
    push_part(call, &grant, (part.digest, &part.bytes)).await?;
    // What was read still stands, or nothing is changed.
    let matches = Some(Expected::OneOf(vec![standing.digest]));
    let condition = Condition { matches, ..Condition::default() };
    push_manifest(call, &grant, (Reference::Tag(tag), condition, signed)).await?;
    Ok((StatusCode::CREATED, done("saved")).into_response())
}

/// The manifest of a chart with this provenance file among its layers.
fn with_provenance(standing: &StoredManifest, part: &Part, existing: Existing) -> Result<Bytes> {
    let mut manifest: Value = serde_json::from_slice(&standing.bytes).map_err(Error::internal)?;
    let layers = manifest.get_mut("layers").and_then(Value::as_array_mut).ok_or_else(not_found)?;
    let is_of = |layer: &Value, kind: &str| layer["mediaType"] == kind;
    let content = layers.iter().find(|layer| is_of(layer, CONTENT)).ok_or_else(not_found)?;
    expect_named(&part.bytes, content["digest"].as_str().unwrap_or_default())?;
    if existing == Existing::Kept && layers.iter().any(|layer| is_of(layer, PROVENANCE)) {
        return Err(exists());
    }
    layers.retain(|layer| !is_of(layer, PROVENANCE));
    layers.push(json!(part.descriptor()));
    // As Helm orders them.
    layers.sort_by_key(|layer| layer["digest"].as_str().unwrap_or_default().to_owned());
    Ok(manifest.to_string().into())
}
