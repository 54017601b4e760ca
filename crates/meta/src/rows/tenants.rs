//! Organisations, registries, repositories.

use async_trait::async_trait;
use wharf_core::{
    Error, Kind, OrganisationName, Place, RegistryKind, RegistryName, Result, Subject, Timestamp,
    audit::AuditRecord,
    gate::{OrganisationId, RegistryId, RepositoryId},
};
use wharf_registry::port::{EmptyRepositories, Home, Maker, Tenants};

use super::{SqlWork, journal::audit, warrants::held};
use crate::session::{Row, Session};

/// The id in the first row of an answer that must have one.
pub(super) fn first_id(row: Option<Row>) -> Result<i64> {
    row.ok_or_else(|| Error::internal("a row that was just written is not there"))?.next()
}

/// Holds an organisation until the transaction ends, so that what comes to belong to it and its removal wait for one
/// another; false where it was removed.
pub(super) async fn hold_organisation(session: &mut dyn Session, id: OrganisationId) -> Result<bool> {
    const HOLD: &str = "UPDATE organisation SET settings = settings WHERE id = $1 AND removed_at IS NULL";
    Ok(session.execute(HOLD, &[id.0.into()]).await? > 0)
}

/// The id of a registry, if it is there.
pub(super) async fn registry_id(
    session: &mut dyn Session,
    organisation: OrganisationId,
    name: &RegistryName,
) -> Result<Option<RegistryId>> {
    const FIND: &str = "SELECT id FROM registry WHERE organisation_id = $1 AND name = $2";
    let found = session.query_first(FIND, &[organisation.0.into(), name.as_str().into()]).await?;
    found.map(|mut row| row.next().map(RegistryId)).transpose()
}

/// Removes a registry that holds no repository, with everything that hangs on it. A table whose rows name a registry has
/// its line here.
pub(super) async fn remove_registry(session: &mut dyn Session, id: RegistryId) -> Result<()> {
    const ALL: [&str; 11] = [
        "UPDATE account SET home_registry_id = NULL WHERE home_registry_id = $1",
        "DELETE FROM rule WHERE registry_id = $1",
        "DELETE FROM believed_key WHERE registry_id = $1",
        "DELETE FROM notice WHERE registry_id = $1",
        "DELETE FROM page WHERE registry_id = $1",
        "DELETE FROM page_body WHERE registry_id = $1",
        "DELETE FROM source WHERE registry_id = $1",
        "DELETE FROM registry_member WHERE registry_id = $1 OR member_id = $1",
        "DELETE FROM fetched WHERE registry_id = $1",
        "DELETE FROM fetched_size WHERE registry_id = $1",
        "DELETE FROM registry WHERE id = $1",
    ];
    for statement in ALL {
        session.execute(statement, &[id.0.into()]).await?;
    }
    Ok(())
}

/// Makes an organisation with its registry `main`, if it is not there, which may store so many bytes; its id.
pub(super) async fn ensure_organisation(
    session: &mut dyn Session,
    name: &OrganisationName,
    maker: Maker<'_>,
    quota: Option<u64>,
) -> Result<i64> {
    const INSERT: &str = "
        INSERT INTO organisation (name, settings, quota_bytes, created_at) VALUES ($1, '{}', $2, $3)
        ON CONFLICT (name) DO NOTHING";
    let values = [name.as_str().into(), column(quota).into(), maker.at.microseconds().into()];
    if session.execute(INSERT, &values).await? > 0 {
        made(session, maker, ("organisation.create", name, name.to_string())).await?;
    }
    let find = "SELECT id FROM organisation WHERE name = $1 AND removed_at IS NULL";
    let removed = || {
        let message = format!("the organisation {name} was removed; an operator must first make it anew");
        Error::new(Kind::Conflict, message)
    };
    let id = session.query_first(find, &[name.as_str().into()]).await?.ok_or_else(removed)?.next()?;
    ensure_registry(session, id, &RegistryName::main(), maker.at).await?;
    Ok(id)
}

/// A quota as it stands in its column.
pub(super) fn column(quota: Option<u64>) -> Option<i64> {
    quota.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// Records what was made along the way.
async fn made(
    session: &mut dyn Session,
    maker: Maker<'_>,
    (action, organisation, target): (&'static str, &OrganisationName, String),
) -> Result<()> {
    let record = AuditRecord::new(maker.at, maker.actor, action);
    audit(session, &AuditRecord { organisation: Some(organisation.clone()), target: Some(target), ..record })
        .await
}

/// Makes a private, hosted registry, if it is not there; its id, and whether it was made.
pub(super) async fn ensure_registry(
    session: &mut dyn Session,
    organisation: i64,
    name: &RegistryName,
    now: Timestamp,
) -> Result<(RegistryId, bool)> {
    const INSERT: &str = "
        INSERT INTO registry (organisation_id, name, kind, public, settings, created_at)
        VALUES ($1, $2, 'hosted', 0, '{}', $3)
        ON CONFLICT (organisation_id, name) DO NOTHING";
    let values = [organisation.into(), name.as_str().into(), now.microseconds().into()];
    let is_new = session.execute(INSERT, &values).await? > 0;
    let gone = || Error::internal("a registry that was just made is not there");
    let id = registry_id(session, OrganisationId(organisation), name).await?.ok_or_else(gone)?;
    Ok((id, is_new))
}

/// Refuses a registry that is no longer what it was when a push was let in, and holds it as it is: its kind changes only while
/// it holds no repository.
async fn expect_kind(session: &mut dyn Session, home: Home) -> Result<()> {
    let found = held!(session, "SELECT kind FROM registry WHERE id = $1", &[home.id.0.into()]);
    let mut row = found.ok_or_else(|| Error::not_found(Subject::Name))?;
    expect_same(home, &mut row)
}

/// Refuses a registry whose kind, which comes next in the row, is no longer what it was when a push was let in.
fn expect_same(home: Home, row: &mut Row) -> Result<()> {
    let kind: RegistryKind = row.parse(|kind: String| kind.parse().ok())?;
    if kind == home.kind {
        return Ok(());
    }
    let message = format!("the registry was made {} while something was pushed to it", kind.word());
    Err(Error::new(Kind::Unsupported, message))
}

#[async_trait]
impl Tenants for SqlWork<'_> {
    async fn hold_organisation(&mut self, organisation: OrganisationId) -> Result<()> {
        let held = hold_organisation(self.session, organisation).await?;
        if held { Ok(()) } else { Err(Error::not_found(Subject::Name)) }
    }

    async fn ensure_registry(&mut self, place: &Place, maker: Maker<'_>) -> Result<Home> {
        let hosted = |id| Home { id, kind: RegistryKind::Hosted };
        let organisation =
            ensure_organisation(self.session, &place.organisation, maker, self.organisation_quota).await?;
        if let Some(id) = registry_id(self.session, OrganisationId(organisation), &place.registry).await? {
            return Ok(hosted(id));
        }
        let (id, is_new) = ensure_registry(self.session, organisation, &place.registry, maker.at).await?;
        if is_new {
            let target = format!("{}/{}", place.organisation, place.registry);
            made(self.session, maker, ("registry.create", &place.organisation, target)).await?;
        }
        Ok(hosted(id))
    }

    async fn ensure_repository(
        &mut self,
        home: Home,
        place: &Place,
        maker: Maker<'_>,
    ) -> Result<RepositoryId> {
        const FIND: &str = "
            SELECT p.id, r.kind FROM repository p JOIN registry r ON r.id = p.registry_id
            WHERE p.registry_id = $1 AND p.name = $2";
        const INSERT: &str = "
            INSERT INTO repository (registry_id, name, path, shown, sequence, created_at, looked_at)
            VALUES ($1, $2, $3, 0, 0, $4, $4)
            RETURNING id";
        let name = place.repository.as_str();
        if let Some(mut row) = self.session.query_first(FIND, &[home.id.0.into(), name.into()]).await? {
            let repository = RepositoryId(row.next()?);
            // It may have been made for others since the registry was emptied and became of another kind.
            return expect_same(home, &mut row).map(|()| repository);
        }
        expect_kind(self.session, home).await?;
        let path = place.to_string();
        let values = [home.id.0.into(), name.into(), path.as_str().into(), maker.at.microseconds().into()];
        let id = first_id(self.session.query_first(INSERT, &values).await?)?;
        let record = AuditRecord::new(maker.at, maker.actor, "repository.create");
        audit(self.session, &AuditRecord { place: Some(place.clone()), ..record }).await?;
        Ok(RepositoryId(id))
    }

    async fn lock_repository(&mut self, repository: RepositoryId) -> Result<bool> {
        // SQLite has one writer anyway; on PostgreSQL the row stays locked until the transaction ends.
        const LOCK: &str = "UPDATE repository SET sequence = sequence WHERE id = $1";
        Ok(self.session.execute(LOCK, &[repository.0.into()]).await? > 0)
    }

    async fn show_repository(&mut self, repository: RepositoryId) -> Result<()> {
        const SHOW: &str = "UPDATE repository SET shown = 1 WHERE id = $1 AND shown = 0";
        self.session.execute(SHOW, &[repository.0.into()]).await.map(drop)
    }

    async fn remove_empty_repositories(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        most: u32,
    ) -> Result<EmptyRepositories> {
        const LOOK: &str = "
            UPDATE repository SET looked_at = $1 WHERE id IN
                (SELECT p.id FROM repository p WHERE p.shown = 0 AND p.looked_at < $2 ORDER BY p.looked_at LIMIT $3)
            RETURNING id";
        const REMOVE: &str = "
            DELETE FROM repository WHERE id = $1
                AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.repository_id = $1)
                AND NOT EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = $1)";
        let values = [now.microseconds().into(), before.microseconds().into(), i64::from(most).into()];
        let mut found = EmptyRepositories::default();
        for mut row in self.session.query(LOOK, &values).await? {
            found.looked_at += 1;
            found.removed += self.session.execute(REMOVE, &[row.next::<i64>()?.into()]).await?;
        }
        Ok(found)
    }
}
