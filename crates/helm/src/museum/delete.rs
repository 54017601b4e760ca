//! Taking a version off the list, and out of the store where nothing else names it.

use axum::response::{IntoResponse, Response};
use wharf_core::{
    Condition, Expected, Reference, RegistryPlace, Result,
    action::{Delete, Pull},
};

use super::{done, find};
use crate::Call;

/// `DELETE …/api/charts/{name}/{version}`. An artifact that has other tags keeps them.
pub(crate) async fn delete(
    call: &Call<'_>,
    registry: &RegistryPlace,
    (name, version): (&str, &str),
) -> Result<Response> {
    let row = find(call, registry, (name, version)).await?;
    let read = call.registry.grant::<Pull>(call.actor, &row.place).await?;
    let grant = call.registry.grant::<Delete>(call.actor, &row.place).await?;
    let facts = call.registry.facts_of(&read, &Reference::Digest(row.digest)).await?;
    let is_alone = facts.first().is_some_and(|fact| fact.tags.len() == 1);
    let matches = Some(Expected::OneOf(vec![row.digest]));
    let condition = Condition { matches, ..Condition::default() };
    if is_alone {
        call.registry.delete_manifest(&grant, &row.digest, condition).await?;
    } else {
        call.registry.delete_tag(&grant, &row.tag, condition).await?;
    }
    Ok(done("deleted").into_response())
}
