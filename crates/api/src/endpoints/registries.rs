//! The registries of an organisation.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use wharf_auth::{
    Auth,
    port::{RegistryChange, RegistryRow, SourceChange},
};
use wharf_core::{
    OrganisationName, RegistryName, RegistryPlace, Result,
    duty::{Administer, Belong, Visit},
    gate::Sight,
};
use wharf_registry::Removal;

use super::{
    removal::empty,
    sources::{NewUpstream, ShownSource},
};
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
    /// Where its content comes from: `hosted`, `proxy` or `virtual`.
    kind: String,
    /// Where exactly; for the members of the organisation.
    #[serde(flatten)]
    source: Option<ShownSource>,
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
    /// Where its content comes from: `hosted` if not said, `proxy` or `virtual`.
    kind: Option<String>,
    /// What a proxy fetches from.
    upstream: Option<NewUpstream>,
    /// The registries of the organisation that a virtual one shows, in the order in which they are asked.
    members: Option<Vec<String>>,
    /// Names that no upstream is asked for: `acme` stands for itself and for every `acme-…`.
    reserved: Option<Vec<String>>,
    /// Files that an upstream published less than so many days ago are hidden.
    cooldown_days: Option<u16>,
    /// What becomes of names that look like another: `pass`, `warn` or `refuse`.
    lookalikes: Option<String>,
    /// Names that others are made to look like.
    popular: Option<Vec<String>>,
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
    /// Where its content comes from. It changes only while the registry holds nothing.
    kind: Option<String>,
    /// What a proxy fetches from: all of it anew, with its password.
    upstream: Option<NewUpstream>,
    /// The registries of the organisation that a virtual one shows, in the order in which they are asked.
    members: Option<Vec<String>>,
    /// Names that no upstream is asked for: `acme` stands for itself and for every `acme-…`.
    reserved: Option<Vec<String>>,
    /// Files that an upstream published less than so many days ago are hidden.
    cooldown_days: Option<u16>,
    /// What becomes of names that look like another: `pass`, `warn` or `refuse`.
    lookalikes: Option<String>,
    /// Names that others are made to look like.
    popular: Option<Vec<String>>,
}

impl NewRegistry {
    /// What is said of it, beside its name.
    fn rest(self) -> ChangedRegistry {
        let Self { public, missing_content, redirect, unverified, kind, upstream, members, .. } = self;
        let Self { reserved, cooldown_days, lookalikes, popular, .. } = self;
        ChangedRegistry {
            public,
            missing_content,
            redirect,
            unverified,
            kind,
            upstream,
            members,
            reserved,
            cooldown_days,
            lookalikes,
            popular,
        }
    }
}

impl ChangedRegistry {
    fn change(self, auth: &Auth) -> Result<RegistryChange> {
        let names = |names: Vec<String>| names.iter().map(|name| name.parse()).collect::<Result<_>>();
        let source = SourceChange {
            kind: self.kind.map(|word| word.parse()).transpose()?,
            upstream: self.upstream.map(|upstream| upstream.sealed(auth)).transpose()?,
            members: self.members.map(names).transpose()?,
            reserved: self.reserved,
            cooldown_days: self.cooldown_days,
            lookalikes: self.lookalikes.map(|word| word.parse()).transpose()?,
            popular: self.popular,
        };
        Ok(RegistryChange {
            source,
            public: self.public,
            accepts_missing_content: self.missing_content.map(|word| word == MissingContent::Accept),
            redirects: self.redirect.map(|word| word == Redirect::On),
            accepts_unverified: self.unverified.map(|word| word == Unverified::Accept),
        })
    }
}

async fn list(call: Call, wish: Wish) -> Result<Listed<Registry>> {
    let organisation = call.organisation()?;
    let grant = call.face.auth.grant_organisation::<Visit>(&call.actor, &organisation).await?;
    let rows = call.face.auth.registries(&grant, wish.span()).await?;
    let sees = sees_sources(&call, &organisation).await?;
    let items = rows.into_iter().map(|row| of(row, organisation.as_str(), sees)).collect::<Result<_>>()?;
    let path = format!("/api/v1/orgs/{organisation}/registries");
    Ok(Listed::of(items, &wish, &path, |registry| registry.name.clone()))
}

async fn create(call: Call, Body(new): Body<NewRegistry>) -> Result<Created<Registry>> {
    let (organisation, name) = (call.organisation()?, new.name.parse::<RegistryName>()?);
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &organisation).await?;
    let change = new.rest().change(&call.face.auth)?;
    let row = call.face.auth.create_registry(&grant, name, change).await?;
    let thing = of(row, organisation.as_str(), Sight::Whole)?;
    Ok(Created { location: format!("/api/v1/orgs/{organisation}/registries/{}", thing.name), thing })
}

async fn show(call: Call, (): ()) -> Result<Shown<Registry>> {
    shown(&call, &call.registry()?).await.map(Shown)
}

async fn change(call: Call, Body(changed): Body<ChangedRegistry>) -> Result<Shown<Registry>> {
    let place = call.registry()?;
    let grant = call.face.auth.grant_organisation::<Administer>(&call.actor, &place.organisation).await?;
    let change = changed.change(&call.face.auth)?;
    call.face.auth.change_registry(&grant, place.registry.clone(), change).await?;
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
    of(row, place.organisation.as_str(), sees_sources(call, &place.organisation).await?)
}

/// Whether the caller is shown where content comes from: what stands in a private network is nobody else's affair.
async fn sees_sources(call: &Call, organisation: &OrganisationName) -> Result<Sight> {
    match call.face.auth.grant_organisation::<Belong>(&call.actor, organisation).await {
        Ok(_) => Ok(Sight::Whole),
        Err(error) if error.is_fault() => Err(error),
        Err(_) => Ok(Sight::Public),
    }
}

fn of(row: RegistryRow, organisation: &str, sight: Sight) -> Result<Registry> {
    let accepts = row.accepts_missing_content;
    Ok(Registry {
        name: row.name.to_string(),
        organisation: organisation.to_owned(),
        kind: row.source.kind.to_string(),
        source: (sight == Sight::Whole).then(|| ShownSource::of(row.source)),
        public: row.public,
        missing_content: if accepts { MissingContent::Accept } else { MissingContent::Refuse },
        redirect: if row.redirects { Redirect::On } else { Redirect::Off },
        unverified: if row.accepts_unverified { Unverified::Accept } else { Unverified::Refuse },
        created_at: written(row.created_at)?,
    })
}
