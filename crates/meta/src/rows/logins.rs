//! Logins of browsers.

use async_trait::async_trait;
use wharf_auth::port::{Assurance, LoginRow, Logins, Refused};
use wharf_core::{AccountId, Result, Timestamp, TokenHash, audit::AuditRecord};

use super::{accounts::opens, journal::audit};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Logins for Database {
    async fn add_login(
        &self,
        login: LoginRow,
        assurance: Assurance,
        most: u32,
        record: AuditRecord,
    ) -> Result<()> {
        self.write_by(record.warrant.clone(), Add { login, assurance, most, record }).await
    }

    async fn login(&self, hash: TokenHash) -> Result<Option<LoginRow>> {
        self.read(Find(hash)).await
    }

    async fn logins(&self, account: AccountId) -> Result<Vec<LoginRow>> {
        self.read(List(account)).await
    }

    async fn remove_login(&self, account: AccountId, hash: TokenHash, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { account, hash, record }).await
    }

    async fn note_login_uses(&self, uses: Vec<(TokenHash, Timestamp)>) -> Result<()> {
        self.write(NoteUses(uses)).await
    }

    async fn remove_expired_logins(&self, now: Timestamp, idle: Timestamp) -> Result<()> {
        self.write(RemoveExpired { now, idle }).await
    }
}

fn login(mut row: Row) -> Result<LoginRow> {
    Ok(LoginRow {
        hash: row.parse(|hash: Vec<u8>| hash.try_into().ok().map(TokenHash))?,
        account: AccountId(row.next()?),
        account_version: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
        used_at: Timestamp::from_microseconds(row.next()?),
        expires_at: Timestamp::from_microseconds(row.next()?),
        address: row.next()?,
        user_agent: row.next()?,
    })
}

struct Add {
    login: LoginRow,
    assurance: Assurance,
    most: u32,
    record: AuditRecord,
}

#[async_trait]
impl Step for Add {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO login
                (hash, account_id, account_version, created_at, used_at, expires_at, address, user_agent)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        const FORGET: &str = "
            DELETE FROM login WHERE account_id = $1 AND id <=
                (SELECT l.id FROM login l WHERE l.account_id = $1 ORDER BY l.id DESC LIMIT 1 OFFSET $2)";
        let login = &self.login;
        if !opens(session, (login.account, login.account_version), self.assurance).await? {
            return Err(Refused::LoginEnded.into());
        }
        let values = [
            login.hash.0.as_slice().into(),
            login.account.0.into(),
            login.account_version.into(),
            login.created_at.microseconds().into(),
            login.used_at.microseconds().into(),
            login.expires_at.microseconds().into(),
            login.address.as_deref().into(),
            login.user_agent.as_deref().into(),
        ];
        session.execute(INSERT, &values).await?;
        session.execute(FORGET, &[login.account.0.into(), i64::from(self.most).into()]).await?;
        audit(session, &self.record).await
    }
}

struct Find(TokenHash);

#[async_trait]
impl Step for Find {
    type Output = Option<LoginRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<LoginRow>> {
        const FIND: &str = "
            SELECT l.hash, l.account_id, l.account_version, l.created_at, l.used_at, l.expires_at, l.address,
                l.user_agent
            FROM login l WHERE l.hash = $1";
        session.query_first(FIND, &[self.0.0.as_slice().into()]).await?.map(login).transpose()
    }
}

struct List(AccountId);

#[async_trait]
impl Step for List {
    type Output = Vec<LoginRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<LoginRow>> {
        const LIST: &str = "
            SELECT l.hash, l.account_id, l.account_version, l.created_at, l.used_at, l.expires_at, l.address,
                l.user_agent
            FROM login l WHERE l.account_id = $1 ORDER BY l.id";
        session.query(LIST, &[self.0.0.into()]).await?.into_iter().map(login).collect()
    }
}

struct Remove {
    account: AccountId,
    hash: TokenHash,
    record: AuditRecord,
}

#[async_trait]
impl Step for Remove {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const REMOVE: &str = "DELETE FROM login WHERE hash = $1 AND account_id = $2";
        let values = [self.hash.0.as_slice().into(), self.account.0.into()];
        let removed = session.execute(REMOVE, &values).await? > 0;
        if removed {
            audit(session, &self.record).await?;
        }
        Ok(removed)
    }
}

struct NoteUses(Vec<(TokenHash, Timestamp)>);

#[async_trait]
impl Step for NoteUses {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const NOTE: &str = "UPDATE login SET used_at = $1 WHERE hash = $2 AND used_at < $1";
        for (hash, at) in &self.0 {
            session.execute(NOTE, &[at.microseconds().into(), hash.0.as_slice().into()]).await?;
        }
        Ok(())
    }
}

struct RemoveExpired {
    now: Timestamp,
    idle: Timestamp,
}

#[async_trait]
impl Step for RemoveExpired {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const REMOVE: &str = "
            DELETE FROM login WHERE id IN
                (SELECT l.id FROM login l WHERE l.expires_at <= $1 OR l.used_at < $2 ORDER BY l.id LIMIT 5000)";
        session
            .execute(REMOVE, &[self.now.microseconds().into(), self.idle.microseconds().into()])
            .await
            .map(drop)
    }
}
