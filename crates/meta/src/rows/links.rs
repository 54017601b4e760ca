//! One-time links of accounts.

use async_trait::async_trait;
use wharf_auth::port::{LinkRow, LinkWay, Links};
use wharf_core::{AccountId, Result, Timestamp, TokenHash, audit::AuditRecord};

use super::{accounts::SetPassword, journal::audit};
use crate::{
    database::{Database, Step},
    session::Session,
};

#[async_trait]
impl Links for Database {
    async fn add_link(&self, link: LinkRow, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Add { link, record }).await
    }

    async fn link(&self, hash: TokenHash, now: Timestamp) -> Result<Option<LinkRow>> {
        self.read(Find { hash, now }).await
    }

    async fn use_link(&self, link: LinkRow, password_hash: String, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Use { link, hash: password_hash, record }).await
    }

    async fn remove_expired_links(&self, now: Timestamp) -> Result<()> {
        self.write(RemoveExpired(now)).await
    }
}

struct Add {
    link: LinkRow,
    record: AuditRecord,
}

#[async_trait]
impl Step for Add {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        keep(session, &self.link, self.record.at).await?;
        audit(session, &self.record).await
    }
}

/// Keeps a link in the place of the one that came to the account's user the same way.
pub(super) async fn keep(session: &mut dyn Session, link: &LinkRow, now: Timestamp) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO link (account_id, way, account_version, hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account_id, way) DO UPDATE SET account_version = excluded.account_version,
            hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at";
    let LinkRow { hash, account, way, account_version, expires_at } = link;
    let values = [
        account.0.into(),
        way.word().into(),
        (*account_version).into(),
        hash.0.as_slice().into(),
        now.microseconds().into(),
        expires_at.microseconds().into(),
    ];
    session.execute(INSERT, &values).await.map(drop)
}

struct Find {
    hash: TokenHash,
    now: Timestamp,
}

#[async_trait]
impl Step for Find {
    type Output = Option<LinkRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<LinkRow>> {
        const FIND: &str = "
            SELECT l.account_id, l.way, l.account_version, l.expires_at
            FROM link l JOIN account a ON a.id = l.account_id
            WHERE l.hash = $1 AND l.expires_at > $2 AND a.version = l.account_version AND a.disabled = 0";
        let values = [self.hash.0.as_slice().into(), self.now.microseconds().into()];
        let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(None) };
        Ok(Some(LinkRow {
            hash: self.hash,
            account: AccountId(row.next()?),
            way: row.parse(|word: String| LinkWay::of(&word))?,
            account_version: row.next()?,
            expires_at: Timestamp::from_microseconds(row.next()?),
        }))
    }
}

struct Use {
    link: LinkRow,
    hash: String,
    record: AuditRecord,
}

#[async_trait]
impl Step for Use {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        // Of two who use it at once one finds it gone.
        const TAKE: &str = "DELETE FROM link WHERE hash = $1 AND account_version =
            (SELECT a.version FROM account a WHERE a.id = link.account_id AND a.disabled = 0)";
        if session.execute(TAKE, &[self.link.hash.0.as_slice().into()]).await? == 0 {
            return Ok(false);
        }
        let (id, hash, record) = (self.link.account, self.hash.clone(), self.record.clone());
        SetPassword { id, hash, record }.run(session).await
    }
}

struct RemoveExpired(Timestamp);

#[async_trait]
impl Step for RemoveExpired {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const LINKS: &str = "DELETE FROM link WHERE expires_at <= $1";
        const INVITATIONS: &str = "DELETE FROM invitation WHERE expires_at <= $1";
        for statement in [LINKS, INVITATIONS] {
            session.execute(statement, &[self.0.microseconds().into()]).await?;
        }
        Ok(())
    }
}
