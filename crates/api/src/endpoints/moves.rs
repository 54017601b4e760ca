//! Where a tag pointed, and setting it back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_core::{
    Digest, Page, Result, Tag,
    action::{Pull, Push},
};
use wharf_registry::port::MoveRow;

use crate::{
    call::Call,
    input::{Body, Wish, invalid},
    output::{Done, Listed},
    route::{Route, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    const HISTORY: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}/history";
    const ROLLBACK: &str = "/orgs/{org}/registries/{registry}/repositories/{repository}/tags/{tag}/rollback";
    vec![
        get(HISTORY, "List the moves of a tag, the latest first", list),
        post(ROLLBACK, "Set a tag back to where it pointed before", roll_back),
    ]
}

/// A move of a tag.
#[derive(Serialize, ToSchema)]
pub(crate) struct TagMove {
    /// Its number; later moves have greater ones.
    id: i64,
    /// When.
    at: String,
    /// Who moved it.
    by: String,
    /// Where it pointed before; null where it was not there.
    from: Option<String>,
    /// Where it pointed from then on; null where it was removed.
    to: Option<String>,
    /// Whether the manifest of `to` is still there, so that the tag can be set to it again.
    stands: bool,
}

/// Where a tag is to point again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Earlier {
    /// The digest of a manifest that the tag pointed to.
    digest: String,
}

async fn list(call: Call, wish: Wish) -> Result<Listed<TagMove>> {
    let tag: Tag = call.parameter("tag")?;
    let number = |last: &String| last.parse().map_err(|_| invalid("last is the number of a move"));
    let before = wish.last.as_ref().map(number).transpose()?;
    let grant = call.face.registry.grant::<Pull>(&call.actor, &call.place()?).await?;
    let page = call.face.registry.tag_moves(&grant, &tag, before, wish.limit).await?;
    let page = Page { entries: page.entries.iter().map(of).collect::<Result<_>>()?, more: page.more };
    Ok(Listed::page(page, &wish, &call.path, |row| row.id.to_string()))
}

async fn roll_back(call: Call, Body(earlier): Body<Earlier>) -> Result<Done> {
    let (tag, digest) = (call.parameter::<Tag>("tag")?, earlier.digest.parse::<Digest>()?);
    let grant = call.face.registry.grant::<Push>(&call.actor, &call.place()?).await?;
    call.face.registry.roll_back(&grant, &tag, &digest).await.map(|_| Done)
}

fn of(row: &MoveRow) -> Result<TagMove> {
    Ok(TagMove {
        id: row.id,
        at: written(row.at)?,
        by: row.by.clone(),
        from: row.from.as_ref().map(Digest::to_string),
        to: row.to.as_ref().map(Digest::to_string),
        stands: row.stands,
    })
}
