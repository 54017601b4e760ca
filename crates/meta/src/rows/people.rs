//! Users, as people: what they are known by, and how they come.

use async_trait::async_trait;
use wharf_auth::port::{Claim, NewOrganisation, Newcomer, People, Person, Refused};
use wharf_core::{AccountId, EmailAddress, Kind, PersonName, Result, Timestamp, audit::AuditRecord};

use super::{journal::audit, organisations};
use crate::{
    database::{Database, Step},
    session::{Row, Session},
};

#[async_trait]
impl People for Database {
    async fn welcome(&self, newcomer: Newcomer, record: AuditRecord) -> Result<()> {
        let quota = self.organisation_quota();
        self.write_by(record.warrant.clone(), Welcome { newcomer, quota, record }).await
    }

    async fn person(&self, account: AccountId) -> Result<Person> {
        self.read(Find(account)).await
    }

    async fn set_person(&self, account: AccountId, person: Person, record: AuditRecord) -> Result<()> {
        self.write_by(record.warrant.clone(), Set { account, person, record }).await
    }
}

/// The four columns of a person, as the next of a row.
pub(super) fn person(row: &mut Row) -> Result<Person> {
    let name =
        |name: Option<String>| name.map(|name| name.parse().ok()).map_or(Some(None), |name| name.map(Some));
    Ok(Person {
        email: row.parse(|email: Option<String>| match email {
            Some(email) => email.parse().ok().map(Some),
            None => Some(None),
        })?,
        verified_at: row.next::<Option<i64>>()?.map(Timestamp::from_microseconds),
        given_name: row.parse(name)?,
        family_name: row.parse(name)?,
    })
}

/// Keeps what a user is known by, all of it anew.
///
/// # Errors
/// `Exists` where the address is to be known as the user's, and is known as another's.
pub(super) async fn keep_person(session: &mut dyn Session, account: i64, person: &Person) -> Result<()> {
    const INSERT: &str = "
        INSERT INTO person (account_id, email, email_key, verified_at, given_name, family_name)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (email_key) WHERE verified_at IS NOT NULL DO NOTHING";
    forget_person(session, account).await?;
    let Person { email, verified_at, given_name, family_name } = person;
    let key = email.as_ref().map(EmailAddress::key);
    let values = [
        account.into(),
        email.as_ref().map(EmailAddress::as_str).into(),
        key.as_deref().into(),
        verified_at.map(Timestamp::microseconds).into(),
        given_name.as_ref().map(PersonName::as_str).into(),
        family_name.as_ref().map(PersonName::as_str).into(),
    ];
    if session.execute(INSERT, &values).await? == 0 {
        return Err(Refused::AddressTaken.into());
    }
    Ok(())
}

/// Forgets what a user is known by.
pub(super) async fn forget_person(session: &mut dyn Session, account: i64) -> Result<()> {
    session.execute("DELETE FROM person WHERE account_id = $1", &[account.into()]).await.map(drop)
}

pub(super) struct Find(pub(super) AccountId);

#[async_trait]
impl Step for Find {
    type Output = Person;

    async fn run(&self, session: &mut dyn Session) -> Result<Person> {
        const FIND: &str = "
            SELECT p.email, p.verified_at, p.given_name, p.family_name FROM person p WHERE p.account_id = $1";
        match session.query_first(FIND, &[self.0.0.into()]).await? {
            Some(mut row) => person(&mut row),
            None => Ok(Person::default()),
        }
    }
}

struct Set {
    account: AccountId,
    person: Person,
    record: AuditRecord,
}

#[async_trait]
impl Step for Set {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        // A link that lies in a mailbox which is no longer the user's opens nothing any more.
        const OTHER: &str = "
            SELECT p.account_id FROM person p WHERE p.account_id = $1 AND p.email_key <> COALESCE($2, '')";
        const LINKS: &str = "DELETE FROM link WHERE account_id = $1";
        const PROMISES: &str = "DELETE FROM promise WHERE account_id = $1";
        let (account, key) = (self.account.0, self.person.email.as_ref().map(EmailAddress::key));
        if session.query_first(OTHER, &[account.into(), key.as_deref().into()]).await?.is_some() {
            for statement in [LINKS, PROMISES] {
                session.execute(statement, &[account.into()]).await?;
            }
        }
        keep_person(session, account, &self.person).await?;
        audit(session, &self.record).await
    }
}

struct Welcome {
    newcomer: Newcomer,
    quota: Option<u64>,
    record: AuditRecord,
}

#[async_trait]
impl Step for Welcome {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        // Of several first requests at once one is the first.
        const NOTE: &str = "UPDATE account SET first_login_at = $1 WHERE id = $2 AND first_login_at IS NULL";
        let Newcomer { account, organisation } = &self.newcomer;
        let noted = session.execute(NOTE, &[self.record.at.microseconds().into(), account.0.into()]).await?;
        let Some(name) = organisation.clone().filter(|_| noted > 0) else { return Ok(()) };
        let new = NewOrganisation { name, admin: Some(*account), claim: Claim::Free };
        let (quota, record) = (self.quota, self.record.clone());
        match (organisations::Create { new, quota, record }).run(session).await {
            // The name is somebody else's: then there is none.
            Err(error) if error.kind() == Kind::Exists => Ok(()),
            made => made,
        }
    }
}
