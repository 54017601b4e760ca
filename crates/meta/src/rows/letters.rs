//! Letters that wait to be brought, and what waits for their answers.

use async_trait::async_trait;
use wharf_auth::port::{Carried, LetterRow, Letters, Person, PromiseRow, SealedLetter};
use wharf_core::{AccountId, EmailAddress, Result, Timestamp, TokenHash, audit::AuditRecord};

use super::{
    counting::{Tally, one_by_one},
    journal::audit,
    links, people,
    tenants::first_id,
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Letters for Database {
    async fn post(&self, letter: SealedLetter, carried: Carried, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Post { letter, carried, record }).await
    }

    async fn take_due_letters(&self, now: Timestamp, until: Timestamp) -> Result<Vec<LetterRow>> {
        // Looked at first: a round that finds nothing writes nothing.
        if !self.read(AnyDue(now)).await? {
            return Ok(Vec::new());
        }
        self.write(TakeDue { now, until }).await
    }

    async fn settle_letter(&self, id: i64, due_at: Option<Timestamp>) -> Result<()> {
        self.write(Settle { id, due_at }).await
    }

    async fn promise(&self, hash: TokenHash, now: Timestamp) -> Result<Option<PromiseRow>> {
        self.read(FindPromise { hash, now }).await
    }

    async fn verify_address(
        &self,
        (hash, account): (TokenHash, AccountId),
        key: String,
        record: AuditRecord,
    ) -> Result<bool> {
        self.write_by(record.warrant.clone(), Verify { hash, account, key, record }).await
    }

    async fn account_of_address(&self, key: String) -> Result<Option<AccountId>> {
        self.read(FindAddress(key)).await
    }

    async fn remove_expired_promises(&self, now: Timestamp) -> Result<()> {
        self.write(RemoveExpired(now)).await
    }
}

struct Post {
    letter: SealedLetter,
    carried: Carried,
    record: AuditRecord,
}

impl Post {
    async fn keep_promise(&self, session: &mut dyn Session, promise: &PromiseRow) -> Result<()> {
        const FORGET: &str = "DELETE FROM promise WHERE account_id = $1";
        const INSERT: &str = "
            INSERT INTO promise (hash, account_id, sealed, expires_at) VALUES ($1, $2, $3, $4)";
        if let Some(account) = promise.account {
            session.execute(FORGET, &[account.0.into()]).await?;
        }
        let values = [
            promise.hash.0.as_slice().into(),
            promise.account.map(|account| account.0).into(),
            promise.sealed.as_slice().into(),
            promise.expires_at.microseconds().into(),
        ];
        session.execute(INSERT, &values).await.map(drop)
    }
}

#[async_trait]
impl Step for Post {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const COUNT: &str = "
            SELECT COUNT(*) FROM letter l WHERE l.recipient = $1 AND l.rank = $2 AND l.created_at > $3";
        const INSERT: &str = "
            INSERT INTO letter (rank, recipient, sealed, created_at, due_at, attempts) VALUES ($1, $2, $3, $4, $4, 0)";
        let (recipient, rank) = (self.letter.recipient.as_slice(), self.carried.rank());
        one_by_one(session, Tally::LettersTo(recipient)).await?;
        let since = self.record.at.plus_seconds(-SealedLetter::WITHIN).microseconds();
        let count = session.query_first(COUNT, &[recipient.into(), rank.into(), since.into()]).await?;
        if first_id(count)? >= SealedLetter::MOST {
            return Ok(false);
        }
        let now = self.record.at.microseconds();
        let values = [rank.into(), recipient.into(), self.letter.sealed.as_slice().into(), now.into()];
        session.execute(INSERT, &values).await?;
        match &self.carried {
            Carried::Nothing => {}
            Carried::Link(link) => links::keep(session, link, self.record.at).await?,
            Carried::Promise(promise) => self.keep_promise(session, promise).await?,
        }
        audit(session, &self.record).await.map(|()| true)
    }
}

struct AnyDue(Timestamp);

#[async_trait]
impl Step for AnyDue {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const ANY: &str = "SELECT l.id FROM letter l WHERE l.rank IN (0, 1) AND l.due_at <= $1 LIMIT 1";
        Ok(session.query_first(ANY, &[self.0.microseconds().into()]).await?.is_some())
    }
}

struct TakeDue {
    now: Timestamp,
    until: Timestamp,
}

#[async_trait]
impl Step for TakeDue {
    type Output = Vec<LetterRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<LetterRow>> {
        // Said twice: on PostgreSQL another node may have taken some of them meanwhile.
        const TAKE: &str = "
            UPDATE letter SET due_at = $1, attempts = attempts + 1
            WHERE due_at <= $2 AND id IN
                (SELECT l.id FROM letter l WHERE l.rank IN (0, 1) AND l.due_at <= $2
                ORDER BY l.rank, l.due_at, l.id LIMIT 10)
            RETURNING id, sealed, attempts, created_at";
        let values = [self.until.microseconds().into(), self.now.microseconds().into()];
        let letter = |mut row: Row| {
            let (id, sealed) = (row.next()?, row.next()?);
            let attempts = row.parse(|attempts: i64| u32::try_from(attempts).ok())?;
            Ok(LetterRow { id, sealed, attempts, created_at: Timestamp::from_microseconds(row.next()?) })
        };
        session.query(TAKE, &values).await?.into_iter().map(letter).collect()
    }
}

struct Settle {
    id: i64,
    due_at: Option<Timestamp>,
}

#[async_trait]
impl Step for Settle {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const AGAIN: &str = "UPDATE letter SET due_at = $1 WHERE id = $2";
        // It is counted for a while.
        const FORGET: &str = "UPDATE letter SET sealed = NULL, due_at = NULL WHERE id = $1";
        match self.due_at {
            Some(due_at) => {
                session.execute(AGAIN, &[due_at.microseconds().into(), self.id.into()]).await.map(drop)
            }
            None => session.execute(FORGET, &[self.id.into()]).await.map(drop),
        }
    }
}

struct FindPromise {
    hash: TokenHash,
    now: Timestamp,
}

#[async_trait]
impl Step for FindPromise {
    type Output = Option<PromiseRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<PromiseRow>> {
        const FIND: &str = "SELECT p.account_id, p.sealed, p.expires_at FROM promise p WHERE p.hash = $1 AND p.expires_at > $2";
        let values = [self.hash.0.as_slice().into(), self.now.microseconds().into()];
        let Some(mut row) = session.query_first(FIND, &values).await? else { return Ok(None) };
        Ok(Some(PromiseRow {
            hash: self.hash,
            account: row.next::<Option<i64>>()?.map(AccountId),
            sealed: row.next()?,
            expires_at: Timestamp::from_microseconds(row.next()?),
        }))
    }
}

struct Verify {
    hash: TokenHash,
    account: AccountId,
    key: String,
    record: AuditRecord,
}

#[async_trait]
impl Step for Verify {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        if !use_promise(session, self.hash, self.record.at).await? {
            return Ok(false);
        }
        let person = people::Find(self.account).run(session).await?;
        if person.email.as_ref().map(EmailAddress::key).as_ref() != Some(&self.key) {
            return Ok(false);
        }
        let verified = Person { verified_at: Some(self.record.at), ..person };
        people::keep_person(session, self.account.0, &verified).await?;
        audit(session, &self.record).await.map(|()| true)
    }
}

/// Uses up a promise; false where it has ended.
pub(super) async fn use_promise(session: &mut dyn Session, hash: TokenHash, now: Timestamp) -> Result<bool> {
    const USE: &str = "DELETE FROM promise WHERE hash = $1 AND expires_at > $2";
    Ok(session.execute(USE, &[hash.0.as_slice().into(), now.microseconds().into()]).await? > 0)
}

struct FindAddress(String);

#[async_trait]
impl Step for FindAddress {
    type Output = Option<AccountId>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<AccountId>> {
        const FIND: &str =
            "SELECT p.account_id FROM person p WHERE p.email_key = $1 AND p.verified_at IS NOT NULL";
        let found = session.query_first(FIND, &[self.0.as_str().into()]).await?;
        found.map(|mut row| row.next().map(AccountId)).transpose()
    }
}

struct RemoveExpired(Timestamp);

#[async_trait]
impl Step for RemoveExpired {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const PROMISES: &str = "DELETE FROM promise WHERE expires_at <= $1";
        const LETTERS: &str = "DELETE FROM letter WHERE due_at IS NULL AND created_at <= $1";
        session.execute(PROMISES, &[self.0.microseconds().into()]).await?;
        let counted = self.0.plus_seconds(-SealedLetter::WITHIN).microseconds();
        session.execute(LETTERS, &[counted.into()]).await.map(drop)
    }
}
