//! Organisations: which there are, made and removed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::port::{OrganisationRow, RegistryRow, Span};
use wharf_core::{
    Limit, OrganisationGrant, OrganisationName, RegistryPlace, Result,
    duty::{Administer, Visit},
};
use wharf_registry::Removal;

use super::removal::empty;
use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed, Shown},
    role::Role,
    route::{Route, delete, get, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs", "List the organisations that one may know", list),
        post("/orgs", "Make an organisation, with its registry main", create),
        get("/orgs/{org}", "Show an organisation", show),
        delete("/orgs/{org}", "Remove an organisation; nobody else gets its name", remove),
    ]
}

/// An organisation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Organisation {
    /// Its name.
    pub(crate) name: String,
    /// The caller's role in it; none where the caller is no member.
    pub(crate) role: Option<Role>,
    /// When it was made; in a list of memberships, since when one is a member.
    pub(crate) created_at: String,
}

/// An organisation to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOrganisation {
    /// Its name: lower-case letters and digits, joined by single `.`, `_` or `-`.
    name: String,
}

impl Organisation {
    pub(crate) fn of(row: OrganisationRow) -> Result<Self> {
        let role = row.role.map(Role::from);
        Ok(Self { name: row.name.to_string(), role, created_at: written(row.created_at)? })
    }
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Organisation>> {
    let rows = call.face.auth.organisations(&call.actor, wish.span()).await?;
    let items = rows.into_iter().map(Organisation::of).collect::<Result<_>>()?;
    Ok(Listed::of(items, &wish, "/api/v1/orgs", |organisation| organisation.name.clone()))
}

async fn create(call: Call, Body(new): Body<NewOrganisation>) -> Result<Created<Organisation>> {
    let grant = call.face.auth.grant_founding(&call.actor).await?;
    let name: OrganisationName = new.name.parse()?;
    let thing = Organisation::of(call.face.auth.create_organisation(&grant, name).await?)?;
    Ok(Created { location: format!("/api/v1/orgs/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Organisation>> {
    let name = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Visit>(&call.actor, &name).await?;
    let created_at = call.face.auth.organisation(&grant).await?;
    Organisation::of(OrganisationRow { name, role: grant.role(), created_at }).map(Shown)
}

async fn remove(call: Call, removal: Removal) -> Result<Done> {
    let (organisation, auth) = (call.organisation()?, &call.face.auth);
    let visit = auth.grant_organisation::<Visit>(&call.actor, &organisation).await?;
    let grant = auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    empty(&call, &registries(&call, &visit).await?, removal).await?;
    auth.remove_organisation(&grant).await.map(|()| Done)
}

/// All registries of an organisation.
async fn registries(call: &Call, grant: &OrganisationGrant<Visit>) -> Result<Vec<RegistryPlace>> {
    let mut span = Span { last: None, most: u32::try_from(Limit::MOST.get()).unwrap_or(u32::MAX) };
    let mut places = Vec::new();
    loop {
        let page = call.face.auth.registries(grant, span.clone()).await?;
        let Some(last) = page.last() else { return Ok(places) };
        span.last = Some(last.name.to_string());
        let place =
            |row: RegistryRow| RegistryPlace { organisation: grant.name().clone(), registry: row.name };
        places.extend(page.into_iter().map(place));
    }
}
