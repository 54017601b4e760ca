//! What is set about a registry: a column for what every request asks, a JSON object for the rest.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wharf_auth::port::{Refused, Registries, RegistryChange, RegistryRow, Span};
use wharf_core::{
    Error, OrganisationName, RegistryName, Result, Subject, Timestamp,
    audit::AuditRecord,
    gate::{OrganisationId, Sight},
};

use wharf_registry::port::Maker;

use super::{
    journal::audit,
    sources::{change_source, find_source},
    tenants::{ensure_organisation, ensure_registry, hold_organisation, registry_id, remove_registry},
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

/// The settings column. A key this version does not know is kept.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RegistrySettings {
    missing_content: MissingContent,
    redirect: Redirect,
    unverified: Unverified,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// Whether manifests may name content the repository lacks.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum MissingContent {
    #[default]
    Refuse,
    Accept,
}

/// Whether who pulls may be sent to where the bytes lie.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Redirect {
    /// As the storage has it.
    #[default]
    On,
    Off,
}

/// Whether a registry without keys takes what nobody signed.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unverified {
    #[default]
    Refuse,
    Accept,
}

impl RegistrySettings {
    pub(super) fn parse(column: &str) -> Result<Self> {
        serde_json::from_str(column).map_err(Error::internal)
    }

    pub(super) fn accepts_missing_content(&self) -> bool {
        self.missing_content == MissingContent::Accept
    }

    pub(super) fn redirects(&self) -> bool {
        self.redirect == Redirect::On
    }

    pub(super) fn accepts_unverified(&self) -> bool {
        self.unverified == Unverified::Accept
    }
}

/// Changes a registry, made with its organisation where they are not there.
pub(super) struct SetRegistry {
    pub(super) organisation: OrganisationName,
    /// How much the organisation may store, in bytes, if it is made.
    pub(super) quota: Option<u64>,
    pub(super) registry: RegistryName,
    pub(super) change: RegistryChange,
    pub(super) record: AuditRecord,
}

#[async_trait]
impl Step for SetRegistry {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let maker = Maker { actor: &self.record.actor, at: self.record.at };
        let organisation = ensure_organisation(session, &self.organisation, maker, self.quota).await?;
        let (id, _) = ensure_registry(session, organisation, &self.registry, self.record.at).await?;
        change(session, id.0, &self.change).await?;
        audit(session, &self.record).await
    }
}

/// Changes what is set about a registry.
async fn change(session: &mut dyn Session, id: i64, change: &RegistryChange) -> Result<()> {
    // The read locks the row, so that of two changes at once none is lost.
    const FIND: &str = "UPDATE registry SET public = public WHERE id = $1 RETURNING public, settings";
    const SET: &str = "UPDATE registry SET public = $1, settings = $2 WHERE id = $3";
    let row = session.query_first(FIND, &[id.into()]).await?;
    let mut row = row.ok_or_else(|| Error::internal("a registry that was just found is not there"))?;
    let public: bool = change.public.unwrap_or(row.next()?);
    let mut settings = RegistrySettings::parse(&row.next::<String>()?)?;
    if let Some(accepts) = change.accepts_missing_content {
        settings.missing_content = if accepts { MissingContent::Accept } else { MissingContent::Refuse };
    }
    if let Some(redirects) = change.redirects {
        settings.redirect = if redirects { Redirect::On } else { Redirect::Off };
    }
    if let Some(accepts) = change.accepts_unverified {
        settings.unverified = if accepts { Unverified::Accept } else { Unverified::Refuse };
    }
    let settings = serde_json::to_string(&settings).map_err(Error::internal)?;
    session.execute(SET, &[public.into(), settings.as_str().into(), id.into()]).await?;
    change_source(session, id, &change.source).await
}

#[async_trait]
impl Registries for Database {
    async fn registries(&self, id: OrganisationId, sight: Sight, span: Span) -> Result<Vec<RegistryRow>> {
        self.read(List { id, sight, span }).await
    }

    async fn registry(
        &self,
        id: OrganisationId,
        sight: Sight,
        name: &RegistryName,
    ) -> Result<Option<RegistryRow>> {
        self.read(Find { id, sight, name: name.clone() }).await
    }

    async fn create_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<RegistryRow> {
        self.write_by(record.warrant.clone(), Create { id, name, change, record }).await
    }

    async fn change_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        change: RegistryChange,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Change { id, name, change, record }).await
    }

    async fn remove_registry(
        &self,
        id: OrganisationId,
        name: RegistryName,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { id, name, record }).await
    }
}

/// A registry of a row that begins with its id.
async fn registry(session: &mut dyn Session, mut row: Row) -> Result<RegistryRow> {
    let source = find_source(session, row.next()?).await?;
    let (name, public) = (row.parse(|name: String| name.parse().ok())?, row.next()?);
    let settings = RegistrySettings::parse(&row.next::<String>()?)?;
    let created_at = Timestamp::from_microseconds(row.next()?);
    Ok(RegistryRow {
        name,
        source,
        public,
        accepts_missing_content: settings.accepts_missing_content(),
        redirects: settings.redirects(),
        accepts_unverified: settings.accepts_unverified(),
        created_at,
    })
}

/// Whether only public registries are looked for.
fn only_public(sight: Sight) -> bool {
    sight == Sight::Public
}

struct List {
    id: OrganisationId,
    sight: Sight,
    span: Span,
}

#[async_trait]
impl Step for List {
    type Output = Vec<RegistryRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<RegistryRow>> {
        const LIST: &str = "
            SELECT r.id, r.name, r.public, r.settings, r.created_at FROM registry r
            WHERE r.organisation_id = $1 AND r.public >= CAST($2 AS BIGINT) AND r.name > $3 ORDER BY r.name LIMIT $4";
        let last = self.span.last.as_deref().unwrap_or_default();
        let values =
            [self.id.0.into(), only_public(self.sight).into(), last.into(), i64::from(self.span.most).into()];
        let mut found = Vec::new();
        for row in session.query(LIST, &values).await? {
            found.push(registry(session, row).await?);
        }
        Ok(found)
    }
}

struct Find {
    id: OrganisationId,
    sight: Sight,
    name: RegistryName,
}

#[async_trait]
impl Step for Find {
    type Output = Option<RegistryRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<RegistryRow>> {
        const FIND: &str = "
            SELECT r.id, r.name, r.public, r.settings, r.created_at FROM registry r
            WHERE r.organisation_id = $1 AND r.public >= CAST($2 AS BIGINT) AND r.name = $3";
        let values = [self.id.0.into(), only_public(self.sight).into(), self.name.as_str().into()];
        match session.query_first(FIND, &values).await? {
            Some(row) => registry(session, row).await.map(Some),
            None => Ok(None),
        }
    }
}

struct Create {
    id: OrganisationId,
    name: RegistryName,
    change: RegistryChange,
    record: AuditRecord,
}

#[async_trait]
impl Step for Create {
    type Output = RegistryRow;

    async fn run(&self, session: &mut dyn Session) -> Result<RegistryRow> {
        if !hold_organisation(session, self.id).await? {
            return Err(Error::not_found(Subject::Name));
        }
        if registry_id(session, self.id, &self.name).await?.is_some() {
            return Err(Refused::RegistryExists(self.name.clone()).into());
        }
        let (id, _) = ensure_registry(session, self.id.0, &self.name, self.record.at).await?;
        change(session, id.0, &self.change).await?;
        audit(session, &self.record).await?;
        let made = Find { id: self.id, sight: Sight::Whole, name: self.name.clone() }.run(session).await?;
        made.ok_or_else(|| Error::internal("a registry that was just made is not there"))
    }
}

struct Change {
    id: OrganisationId,
    name: RegistryName,
    change: RegistryChange,
    record: AuditRecord,
}

#[async_trait]
impl Step for Change {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        let Some(id) = registry_id(session, self.id, &self.name).await? else { return Ok(false) };
        change(session, id.0, &self.change).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

struct Remove {
    id: OrganisationId,
    name: RegistryName,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const HOLDS: &str = "SELECT p.id FROM repository p WHERE p.registry_id = $1 LIMIT 1";
        let Some(id) = registry_id(session, self.id, &self.name).await? else { return Ok(false) };
        if session.query_first(HOLDS, &[id.0.into()]).await?.is_some() {
            return Err(Refused::RegistryHolds(None).into());
        }
        remove_registry(session, id).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}
