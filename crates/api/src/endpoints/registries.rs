//! The registries of an organisation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::port::{RegistryChange, RegistryRow};
use wharf_core::{
    RegistryName, RegistryPlace, Result,
    duty::{Administer, Visit},
};
use wharf_registry::Removal;

use super::removal::empty;
use crate::{
    call::Call,
    input::{Body, Wish},
    output::{Created, Done, Listed, Shown},
    route::{Route, delete, get, patch, post},
    time::written,
};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/orgs/{org}/registries", "List the registries that one may read", list),
        post("/orgs/{org}/registries", "Make a registry", create),
        get("/orgs/{org}/registries/{registry}", "Show a registry", show),
        patch("/orgs/{org}/registries/{registry}", "Change a registry", change),
        delete("/orgs/{org}/registries/{registry}", "Remove a registry", remove),
    ]
}

/// A registry.
#[derive(Serialize, ToSchema)]
pub(crate) struct Registry {
    /// Its name within its organisation.
    name: String,
    /// Its organisation.
    organisation: String,
    /// `hosted`: what is pushed to it is kept in it.
    kind: String,
    /// Whether anybody may pull.
    public: bool,
    /// Whether manifests may name content that the repository lacks.
    missing_content: MissingContent,
    /// Whether who pulls may be sent to the bucket, where the storage does that.
    redirect: Redirect,
    /// Whether, as long as it has no key, it takes plugins that nobody signed.
    unverified: Unverified,
    /// When it was made.
    created_at: String,
}

/// What becomes of a manifest that names content the repository lacks.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MissingContent {
    /// It is refused.
    Refuse,
    /// It is taken.
    Accept,
}

/// Whether who pulls may be sent to where the bytes lie.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Redirect {
    /// As the storage has it.
    On,
    /// Never.
    Off,
}

/// What becomes of plugins that nobody signed where no key is configured.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unverified {
    /// They are refused.
    Refuse,
    /// They are taken, and shown as not verified.
    Accept,
}

/// A registry to be made. What is not said is as on one that an organisation is born with: private.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRegistry {
    /// Its name within its organisation.
    name: String,
    /// Whether anybody may pull.
    public: Option<bool>,
    /// Whether manifests may name content that the repository lacks.
    missing_content: Option<MissingContent>,
    /// Whether who pulls may be sent to the bucket.
    redirect: Option<Redirect>,
    /// Whether, as long as it has no key, it takes plugins that nobody signed.
    unverified: Option<Unverified>,
}

/// What is to change of a registry. What is not said stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedRegistry {
    /// Whether anybody may pull.
    public: Option<bool>,
    /// Whether manifests may name content that the repository lacks.
    missing_content: Option<MissingContent>,
    /// Whether who pulls may be sent to the bucket.
    redirect: Option<Redirect>,
    /// Whether, as long as it has no key, it takes plugins that nobody signed.
    unverified: Option<Unverified>,
}

impl ChangedRegistry {
    fn change(&self) -> RegistryChange {
        RegistryChange {
            public: self.public,
            accepts_missing_content: self.missing_content.map(|word| word == MissingContent::Accept),
            redirects: self.redirect.map(|word| word == Redirect::On),
            accepts_unverified: self.unverified.map(|word| word == Unverified::Accept),
        }
    }
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Registry>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Visit>(&call.actor, &organisation).await?;
    let rows = call.face.auth.registries(&grant, wish.span()).await?;
    let items = rows.into_iter().map(|row| of(row, &organisation.to_string())).collect::<Result<_>>()?;
    let path = format!("/api/v1/orgs/{organisation}/registries");
    Ok(Listed::of(items, &wish, &path, |registry| registry.name.clone()))
}

async fn create(call: Call, Body(new): Body<NewRegistry>) -> Result<Created<Registry>> {
    let (organisation, name) = (call.organisation()?, new.name.parse::<RegistryName>()?);
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let NewRegistry { public, missing_content, redirect, unverified, .. } = new;
    let change = ChangedRegistry { public, missing_content, redirect, unverified }.change();
    let thing = of(call.face.auth.create_registry(&grant, name, change).await?, organisation.as_str())?;
    Ok(Created { location: format!("/api/v1/orgs/{organisation}/registries/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Registry>> {
    shown(&call, &call.registry()?).await.map(Shown)
}

async fn change(call: Call, Body(changed): Body<ChangedRegistry>) -> Result<Shown<Registry>> {
    let place = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    call.face.auth.change_registry(&grant, place.registry.clone(), changed.change()).await?;
    shown(&call, &place).await.map(Shown)
}

async fn remove(call: Call, removal: Removal) -> Result<Done> {
    let place = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    call.face.auth.expect_removable(&place.registry)?;
    empty(&call, std::slice::from_ref(&place), removal).await?;
    call.face.auth.remove_registry(&grant, place.registry).await.map(|()| Done)
}

async fn shown(call: &Call, place: &RegistryPlace) -> Result<Registry> {
    let grant = call.face.auth.grant_organisation::<Visit>(&call.actor, &place.organisation).await?;
    let row = call.face.auth.registry(&grant, &place.registry).await?;
    of(row, place.organisation.as_str())
}

fn of(row: RegistryRow, organisation: &str) -> Result<Registry> {
    let accepts = row.accepts_missing_content;
    Ok(Registry {
        name: row.name.to_string(),
        organisation: organisation.to_owned(),
        kind: row.kind,
        public: row.public,
        missing_content: if accepts { MissingContent::Accept } else { MissingContent::Refuse },
        redirect: if row.redirects { Redirect::On } else { Redirect::Off },
        unverified: if row.accepts_unverified { Unverified::Accept } else { Unverified::Refuse },
        created_at: written(row.created_at)?,
    })
}
