//! The keys that registries believe.

use async_trait::async_trait;
use wharf_core::{Error, RegistryPlace, Result, Subject, Timestamp, audit::AuditRecord};
use wharf_signing::{
    KeyName, NewKey, PublicKey, RegistryKey,
    port::{Belief, Keys, Standing},
};

use super::{journal::audit, registries::RegistrySettings};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Keys for Database {
    async fn belief(&self, registry: &RegistryPlace) -> Result<Belief> {
        self.read(FindBelief(registry.clone())).await
    }

    async fn add_key(&self, registry: &RegistryPlace, key: NewKey, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), AddKey { registry: registry.clone(), key, record }).await
    }

    async fn revoke_key(
        &self,
        registry: &RegistryPlace,
        name: &KeyName,
        (at, record): (Timestamp, AuditRecord),
    ) -> Result<bool> {
        self.write_by(
            record.warrant.clone(),
            RevokeKey { registry: registry.clone(), name: name.clone(), at, record },
        )
        .await
    }
}

/// The registry's row and its settings.
async fn find(session: &mut dyn Session, place: &RegistryPlace) -> Result<Option<(i64, String)>> {
    const FIND: &str = "
        SELECT r.id, r.settings FROM registry r JOIN organisation o ON o.id = r.organisation_id
        WHERE o.name = $1 AND r.name = $2";
    let values = [place.organisation.as_str().into(), place.registry.as_str().into()];
    let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(None) };
    Ok(Some((row.next()?, row.next()?)))
}

fn key(mut row: Row) -> Result<RegistryKey> {
    let moment = |microseconds: Option<i64>| microseconds.map(Timestamp::from_microseconds);
    Ok(RegistryKey {
        name: row.parse(|name: String| name.parse().ok())?,
        key: row.parse(|pem: String| PublicKey::from_pem(&pem).ok())?,
        is_primary: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
        expires_at: moment(row.next()?),
        revoked_at: moment(row.next()?),
    })
}

struct FindBelief(RegistryPlace);

#[async_trait]
impl Step for FindBelief {
    type Output = Belief;

    async fn run(&self, session: &mut dyn Session) -> Result<Belief> {
        const KEYS: &str = "
            SELECT name, pem, is_primary, created_at, expires_at, revoked_at FROM believed_key
            WHERE registry_id = $1 ORDER BY is_primary DESC, created_at, name LIMIT 1000";
        let Some((registry, settings)) = find(session, &self.0).await? else { return Ok(Belief::default()) };
        let rows = session.query(KEYS, &[registry.into()]).await?;
        let accepts_unverified = RegistrySettings::parse(&settings)?.accepts_unverified();
        Ok(Belief { keys: rows.into_iter().map(key).collect::<Result<_>>()?, accepts_unverified })
    }
}

struct AddKey {
    registry: RegistryPlace,
    key: NewKey,
    record: AuditRecord,
}

impl AddKey {
    /// What stands in the way of the key: one of its name, or the same one under another name.
    async fn taken(&self, session: &mut dyn Session, registry: i64) -> Result<Error> {
        const FIND: &str = "
            SELECT name, revoked_at FROM believed_key WHERE registry_id = $1 AND (name = $2 OR pem = $3)
            ORDER BY CASE WHEN name = $2 THEN 0 ELSE 1 END LIMIT 1";
        let NewKey { name, key, .. } = &self.key;
        let values = [registry.into(), name.as_str().into(), key.pem().into()];
        let row = session.query_first(FIND, &values).await?;
        let mut row = row.ok_or_else(|| Error::internal("nothing stands in the way of a key"))?;
        let standing = Standing {
            name: row.parse(|name: String| name.parse().ok())?,
            revoked_at: row.next::<Option<i64>>()?.map(Timestamp::from_microseconds),
        };
        Ok(standing.refusal(name))
    }
}

#[async_trait]
impl Step for AddKey {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const DEMOTE: &str = "UPDATE believed_key SET is_primary = 0 WHERE registry_id = $1";
        const INSERT: &str = "
            INSERT INTO believed_key (registry_id, name, pem, is_primary, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let found = find(session, &self.registry).await?;
        let (registry, _) = found.ok_or_else(|| Error::not_found(Subject::Name))?;
        let NewKey { name, key, is_primary, expires_at } = &self.key;
        if *is_primary {
            session.execute(DEMOTE, &[registry.into()]).await?;
        }
        let values = [
            registry.into(),
            name.as_str().into(),
            key.pem().into(),
            (*is_primary).into(),
            self.record.at.microseconds().into(),
            expires_at.map(Timestamp::microseconds).into(),
        ];
        if session.execute(INSERT, &values).await? == 0 {
            return Err(self.taken(session, registry).await?);
        }
        audit(session, &self.record).await
    }
}

struct RevokeKey {
    registry: RegistryPlace,
    name: KeyName,
    at: Timestamp,
    record: AuditRecord,
}

#[async_trait]
impl Step for RevokeKey {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const REVOKE: &str = "
            UPDATE believed_key SET revoked_at = $1
            WHERE registry_id = $2 AND name = $3 AND revoked_at IS NULL";
        let Some((registry, _)) = find(session, &self.registry).await? else { return Ok(false) };
        let values = [self.at.microseconds().into(), registry.into(), self.name.as_str().into()];
        if session.execute(REVOKE, &values).await? == 0 {
            return Ok(false);
        }
        audit(session, &self.record).await.map(|()| true)
    }
}
