//! Users as an operator sees them. The platform keeps an operator who can log in.

use async_trait::async_trait;
use wharf_auth::port::{Fate, Refused, Span, UserRow, Users};
use wharf_core::{AccountId, Result, Timestamp, UserName, audit::AuditRecord};

use super::{
    accounts::end_credentials,
    journal::audit,
    people::{forget_person, person},
    providers::forget_given_roles,
    second_factor::forget_factor,
};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl Users for Database {
    async fn users(&self, span: Span) -> Result<Vec<UserRow>> {
        self.read(List(span)).await
    }

    async fn user(&self, name: &UserName) -> Result<Option<UserRow>> {
        self.read(Find(name.clone())).await
    }

    async fn decide_fate(&self, name: UserName, fate: Fate, record: AuditRecord) -> Result<bool> {
        self.write_by(record.warrant.clone(), Decide { name, fate, record }).await
    }
}

fn user(mut row: Row) -> Result<UserRow> {
    Ok(UserRow {
        id: AccountId(row.next()?),
        name: row.parse(|name: String| name.parse().ok())?,
        operator: row.next()?,
        disabled: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
        person: person(&mut row)?,
    })
}

struct List(Span);

#[async_trait]
impl Step for List {
    type Output = Vec<UserRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Vec<UserRow>> {
        const LIST: &str = "
            SELECT a.id, a.name, a.operator, a.disabled, a.created_at,
                p.email, p.verified_at, p.given_name, p.family_name
            FROM account a LEFT JOIN person p ON p.account_id = a.id
            WHERE a.kind = 'user' AND a.removed_at IS NULL AND a.name > $1 ORDER BY a.name LIMIT $2";
        let last = self.0.last.as_deref().unwrap_or_default();
        let values = [last.into(), i64::from(self.0.most).into()];
        session.query(LIST, &values).await?.into_iter().map(user).collect()
    }
}

struct Find(UserName);

#[async_trait]
impl Step for Find {
    type Output = Option<UserRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<UserRow>> {
        const FIND: &str = "
            SELECT a.id, a.name, a.operator, a.disabled, a.created_at,
                p.email, p.verified_at, p.given_name, p.family_name
            FROM account a LEFT JOIN person p ON p.account_id = a.id
            WHERE a.name = $1 AND a.kind = 'user' AND a.removed_at IS NULL";
        session.query_first(FIND, &[self.0.as_str().into()]).await?.map(user).transpose()
    }
}

struct Decide {
    name: UserName,
    fate: Fate,
    record: AuditRecord,
}

impl Decide {
    /// Refuses a fate after which nobody could manage the platform any more.
    async fn expect_operator(&self, session: &mut dyn Session, found: &UserRow) -> Result<()> {
        // On PostgreSQL the rows stay locked: of two operators who end each other at once, one waits here.
        const LOCK: &str = "
            UPDATE account SET operator = operator WHERE operator = 1 AND disabled = 0 RETURNING id";
        if self.fate == Fate::Enabled || !found.operator || found.disabled {
            return Ok(());
        }
        let operators = session.query(LOCK, &[]).await?;
        for mut row in operators {
            if AccountId(row.next()?) != found.id {
                return Ok(());
            }
        }
        Err(Refused::LastOperator.into())
    }
}

#[async_trait]
impl Step for Decide {
    type Output = bool;

    async fn run(&self, session: &mut dyn Session) -> Result<bool> {
        const ENABLE: &str = "UPDATE account SET disabled = 0 WHERE id = $1";
        const DISABLE: &str = "UPDATE account SET disabled = 1, version = version + 1 WHERE id = $1";
        const REMOVE: &str = "
            UPDATE account SET disabled = 1, version = version + 1, operator = 0, password_hash = NULL,
                removed_at = $1
            WHERE id = $2";
        const MEMBERSHIPS: &str = "DELETE FROM membership WHERE account_id = $1";
        let Some(found) = Find(self.name.clone()).run(session).await? else { return Ok(false) };
        self.expect_operator(session, &found).await?;
        let (id, now) = (found.id.0, self.record.at.microseconds());
        match self.fate {
            Fate::Enabled => drop(session.execute(ENABLE, &[id.into()]).await?),
            Fate::Disabled => {
                session.execute(DISABLE, &[id.into()]).await?;
                end_credentials(session, id).await?;
            }
            Fate::Removed => {
                session.execute(REMOVE, &[now.into(), id.into()]).await?;
                end_credentials(session, id).await?;
                // Whom a provider speaks of is known for ever: who was removed does not come back by another name.
                forget_given_roles(session, id).await?;
                session.execute(MEMBERSHIPS, &[id.into()]).await?;
                forget_person(session, id).await?;
                forget_factor(session, id).await?;
            }
        }
        audit(session, &self.record).await.map(|()| true)
    }
}
