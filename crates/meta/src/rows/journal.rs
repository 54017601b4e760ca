//! Audit lines and events.

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, OrganisationName, Place, Result, Subject, Timestamp,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
};
use wharf_registry::port::Journal;

use super::SqlWork;
use crate::session::Session;

/// Adds a line to the audit log.
pub(super) async fn audit(session: &mut dyn Session, record: &AuditRecord) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO audit (at, actor_kind, actor_id, actor_name, credential, address, request_id, action,
            organisation, place, target, digest, times)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let actor = &record.actor;
    let credential = actor.credential().record();
    let address = actor.address().map(|address| address.to_string());
    let of_place = record.place.as_ref().map(|place| &place.organisation);
    let organisation = of_place.or(record.organisation.as_ref());
    let place = record.place.as_ref().map(Place::to_string);
    let digest = record.digest.as_ref().map(Digest::to_row);
    let values = [
        record.at.microseconds().into(),
        actor.principal().kind().into(),
        actor.principal().account().map(|id| id.0).into(),
        actor.principal().name().into(),
        credential.as_str().into(),
        address.as_deref().into(),
        actor.request_id().into(),
        record.action.into(),
        organisation.map(OrganisationName::as_str).into(),
        place.as_deref().into(),
        record.target.as_deref().into(),
        digest.as_deref().into(),
        i64::try_from(record.times).unwrap_or(i64::MAX).into(),
    ];
    session.execute(INSERT, &values).await.map(drop)
}

#[async_trait]
impl Journal for SqlWork<'_> {
    async fn audit(&mut self, record: &AuditRecord) -> Result<()> {
        audit(self.session, record).await
    }

    async fn publish(&mut self, repository: RepositoryId, event: &Event) -> Result<()> {
        // It names its place, for the repository may be gone when it is told; and it waits to be told if somebody listens.
        const NEXT: &str = "
            UPDATE repository SET sequence = sequence + 1,
                grown = CASE WHEN CAST($1 AS BIGINT) = 1 THEN grown ELSE sequence + 1 END
            WHERE id = $2
            RETURNING sequence, path,
                (SELECT r.organisation_id FROM registry r WHERE r.id = registry_id),
                (SELECT COUNT(*) FROM registry r JOIN webhook w ON w.organisation_id = r.organisation_id
                    WHERE r.id = registry_id AND w.disabled_at IS NULL)";
        const INSERT: &str = "
            INSERT INTO event (repository_id, sequence, at, kind, tag, digest, actor, path, organisation_id, waits)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let row = self.session.query_first(NEXT, &[event.is_removal().into(), repository.0.into()]).await?;
        let mut row = row.ok_or_else(|| Error::not_found(Subject::Name))?;
        let (sequence, path, organisation): (i64, String, i64) = (row.next()?, row.next()?, row.next()?);
        let listeners: i64 = row.next()?;
        let digest = event.digest.as_ref().map(Digest::to_row);
        let values = [
            repository.0.into(),
            sequence.into(),
            event.at.microseconds().into(),
            event.kind.into(),
            event.tag.as_deref().into(),
            digest.as_deref().into(),
            event.actor.as_str().into(),
            path.as_str().into(),
            organisation.into(),
            (listeners > 0).into(),
        ];
        self.session.execute(INSERT, &values).await.map(drop)
    }

    async fn latest_event(&mut self, repository: RepositoryId) -> Result<i64> {
        const FIND: &str = "SELECT p.sequence FROM repository p WHERE p.id = $1";
        let row = self.session.query_first(FIND, &[repository.0.into()]).await?;
        row.map(|mut row| row.next()).transpose().map(Option::unwrap_or_default)
    }

    async fn has_grown_since(&mut self, repository: RepositoryId, event: i64) -> Result<bool> {
        // Not asked of the events: those are forgotten, some settings say at once.
        const FIND: &str = "SELECT p.id FROM repository p WHERE p.id = $1 AND p.grown > $2";
        Ok(self.session.query_first(FIND, &[repository.0.into(), event.into()]).await?.is_some())
    }

    async fn forget_events(&mut self, before: Timestamp, most: u32) -> Result<u64> {
        const FORGET: &str = "
            DELETE FROM event WHERE id IN
                (SELECT e.id FROM event e WHERE e.at < $1 AND e.waits = 0 ORDER BY e.at LIMIT $2)";
        self.session.execute(FORGET, &[before.microseconds().into(), i64::from(most).into()]).await
    }
}
