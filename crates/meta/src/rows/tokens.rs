//! API tokens, and when they were last used.

use async_trait::async_trait;
use wharf_auth::port::{Bound, Refused, TokenRow, Tokens};
use wharf_core::{AccountId, Reach, Result, Timestamp, TokenHash, audit::AuditRecord};

use super::{
    counting::{Tally, one_by_one},
    journal::audit,
    tenants::first_id,
    warrants::held,
};
use crate::{
    database::{Database, Step},
    memory::{Recall, Remembered},
    session::{Row, Session},
};

#[async_trait]
impl Tokens for Database {
    async fn token(&self, hash: TokenHash) -> Result<Option<TokenRow>> {
        self.recall(Find(hash)).await
    }

    async fn tokens(&self, account: AccountId, now: Timestamp) -> Result<Vec<TokenRow>> {
        self.read(List { account, now }).await
    }

    async fn add_token(&self, token: TokenRow, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Add { token, record }).await
    }

    async fn remove_token(&self, account: AccountId, hash: TokenHash, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Remove { account, hash, record }).await
    }

    async fn note_uses(&self, uses: Vec<(TokenHash, Timestamp)>) -> Result<()> {
        self.write(NoteUses(uses)).await
    }

    async fn remove_expired_tokens(&self, before: Timestamp) -> Result<()> {
        self.write(RemoveExpired(before)).await
    }
}

fn token(mut row: Row) -> Result<TokenRow> {
    Ok(TokenRow {
        row: row.next()?,
        hash: row.parse(|hash: Vec<u8>| hash.try_into().ok().map(TokenHash))?,
        account: AccountId(row.next()?),
        account_version: row.next()?,
        name: row.next()?,
        reach: row.parse(|text: Option<String>| match text {
            Some(text) => Reach::from_row(&text).map(Some),
            None => Some(None),
        })?,
        parent: row.parse(|hash: Option<Vec<u8>>| match hash {
            Some(hash) => hash.try_into().ok().map(TokenHash).map(Some),
            None => Some(None),
        })?,
        created_at: Timestamp::from_microseconds(row.next()?),
        expires_at: row.next::<Option<i64>>()?.map(Timestamp::from_microseconds),
        used_at: row.next::<Option<i64>>()?.map(Timestamp::from_microseconds),
    })
}

struct Find(TokenHash);

#[async_trait]
impl Step for Find {
    type Output = Option<TokenRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<TokenRow>> {
        const FIND: &str = "
            SELECT t.id, t.hash, t.account_id, t.account_version, t.name, t.access, t.parent,
                t.created_at, t.expires_at, CAST(NULL AS BIGINT)
            FROM api_token t WHERE t.hash = $1";
        session.query_first(FIND, &[self.0.0.as_slice().into()]).await?.map(token).transpose()
    }
}

impl Recall for Find {
    fn recall(&self, remembered: &mut Remembered) -> Option<Option<TokenRow>> {
        remembered.tokens.get(&self.0).map(Some)
    }

    fn keep(&self, found: &Option<TokenRow>, remembered: &mut Remembered) {
        if let Some(token) = found {
            remembered.tokens.insert(self.0, token.clone());
        }
    }
}

struct List {
    account: AccountId,
    now: Timestamp,
}

#[async_trait]
impl Step for List {
    type Output = Vec<TokenRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<TokenRow>> {
        const LIST: &str = "
            SELECT t.id, t.hash, t.account_id, t.account_version, t.name, t.access, t.parent,
                t.created_at, t.expires_at, u.used_at
            FROM api_token t
            LEFT JOIN api_token_use u ON u.token_id = t.id
            WHERE t.account_id = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)
            ORDER BY t.id LIMIT $3";
        let values = [self.account.0.into(), self.now.microseconds().into(), Bound::Tokens.most().into()];
        session.query(LIST, &values).await?.into_iter().map(token).collect()
    }
}

struct Add {
    token: TokenRow,
    record: AuditRecord,
}

#[async_trait]
impl Step for Add {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const COUNT: &str = "SELECT COUNT(*) FROM api_token WHERE account_id = $1";
        const INSERT: &str = "
            INSERT INTO api_token
                (hash, account_id, account_version, name, access, parent, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let token = &self.token;
        if let Some(parent) = &token.parent
            // Held, so that it is not ended meanwhile.
            && held!(session, "SELECT id FROM api_token WHERE hash = $1", &[parent.0.as_slice().into()]).is_none()
        {
            return Err(Refused::ParentEnded.into());
        }
        one_by_one(session, Tally::TokensOf(token.account.0)).await?;
        Bound::Tokens.expect_room(first_id(session.query_first(COUNT, &[token.account.0.into()]).await?)?)?;
        let reach = token.reach.as_ref().map(Reach::to_row).transpose()?;
        let values = [
            token.hash.0.as_slice().into(),
            token.account.0.into(),
            token.account_version.into(),
            token.name.as_str().into(),
            reach.as_deref().into(),
            token.parent.as_ref().map(|parent| parent.0.as_slice()).into(),
            token.created_at.microseconds().into(),
            token.expires_at.map(Timestamp::microseconds).into(),
        ];
        session.execute(INSERT, &values).await?;
        audit(session, &self.record).await
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
        // What was made with it ends too, and what was made with that.
        const GONE: &str = "
            WITH RECURSIVE gone (id, hash) AS (
                SELECT t.id, t.hash FROM api_token t WHERE t.hash = $1 AND t.account_id = $2
                UNION SELECT t.id, t.hash FROM api_token t JOIN gone g ON t.parent = g.hash)
            SELECT id FROM gone";
        const USE: &str = "DELETE FROM api_token_use WHERE token_id = $1";
        const REMOVE: &str = "DELETE FROM api_token WHERE id = $1";
        let gone = session.query(GONE, &[self.hash.0.as_slice().into(), self.account.0.into()]).await?;
        let removed = !gone.is_empty();
        for mut row in gone {
            let id: i64 = row.next()?;
            session.execute(USE, &[id.into()]).await?;
            session.execute(REMOVE, &[id.into()]).await?;
        }
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
        const NOTE: &str = "
            INSERT INTO api_token_use (token_id, used_at)
            SELECT t.id, CAST($1 AS BIGINT) FROM api_token t WHERE t.hash = $2
            ON CONFLICT (token_id) DO UPDATE SET used_at = excluded.used_at
            WHERE api_token_use.used_at < excluded.used_at";
        for (hash, at) in &self.0 {
            session.execute(NOTE, &[at.microseconds().into(), hash.0.as_slice().into()]).await?;
        }
        Ok(())
    }
}

struct RemoveExpired(Timestamp);

#[async_trait]
impl Step for RemoveExpired {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const SOME: &str = "
            SELECT t.id FROM api_token t WHERE t.expires_at IS NOT NULL AND t.expires_at < $1
            ORDER BY t.expires_at LIMIT 1000";
        const USE: &str = "DELETE FROM api_token_use WHERE token_id = $1";
        const REMOVE: &str = "DELETE FROM api_token WHERE id = $1";
        for mut row in session.query(SOME, &[self.0.microseconds().into()]).await? {
            let id: i64 = row.next()?;
            session.execute(USE, &[id.into()]).await?;
            session.execute(REMOVE, &[id.into()]).await?;
        }
        Ok(())
    }
}
