//! What users are known by beside their logins: e-mail addresses and names.
//!
//! Whoever has the mailbox may get a new password by it, so an address changes only by who knows the password, or by the
//! operator. Records say that somebody is known otherwise now, not how: the audit log is kept for years.

use wharf_core::{
    EmailAddress, Error, Kind, OperatorGrant, PersonName, Principal, Result, Secret, SelfGrant, Subject,
    Timestamp, UserName, audit::AuditRecord,
};

use crate::{
    Auth,
    port::{Person, UserRow},
};

/// What a user is to be known by; what is none is taken away.
#[derive(Clone, Debug, Default)]
pub struct KnownBy {
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The given name.
    pub given_name: Option<PersonName>,
    /// The family name.
    pub family_name: Option<PersonName>,
}

impl KnownBy {
    /// The same where the address is known to be the user's.
    pub(crate) fn vouched_for(self, now: Timestamp) -> Person {
        let verified_at = self.email.as_ref().map(|_| now);
        Person { verified_at, ..self.said() }
    }

    /// The same where nobody knows whose the address is.
    pub(crate) fn said(self) -> Person {
        let Self { email, given_name, family_name } = self;
        Person { email, verified_at: None, given_name, family_name }
    }
}

impl Auth {
    /// What the caller is known by. A narrowed credential is not told.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn person(&self, grant: &SelfGrant) -> Result<Person> {
        match grant.clone().whole() {
            Ok(grant) => self.0.people.person(grant.account()).await,
            Err(_) => Ok(Person::default()),
        }
    }

    /// Says anew what a user is known by.
    ///
    /// # Errors
    /// `NotFound`; `Exists` where the address is known to be another user's.
    pub async fn set_person(
        &self,
        grant: &OperatorGrant,
        name: &UserName,
        known_by: KnownBy,
    ) -> Result<UserRow> {
        let row = self.user(grant, name).await?;
        let record = AuditRecord::by(self.0.clock.now(), grant, "user.person");
        let record = AuditRecord { target: Some(name.to_string()), ..record };
        let person = known_by.vouched_for(record.at);
        self.0.people.set_person(row.id, person.clone(), record).await?;
        Ok(UserRow { person, ..row })
    }

    /// Says anew what the caller is known by. Another address takes the password; where letters are sent, one goes to an
    /// address that is not known to be the user's. Whether it is another's the answer does not tell.
    ///
    /// # Errors
    /// `Denied` to a robot, to a narrowed credential, and for a wrong password or none; `RateLimited`.
    pub async fn set_own_person(
        &self,
        grant: SelfGrant,
        known_by: KnownBy,
        password: Option<Secret<String>>,
    ) -> Result<Person> {
        let grant = grant.whole()?;
        if !matches!(grant.actor().principal(), Principal::User { .. }) {
            return Err(Error::new(Kind::Denied, "only a user is known by an address and a name"));
        }
        let before = self.0.people.person(grant.account()).await?;
        let key = |address: &Option<EmailAddress>| address.as_ref().map(EmailAddress::key);
        let is_same = key(&known_by.email) == key(&before.email);
        let person = if is_same {
            Person { verified_at: before.verified_at, ..known_by.said() }
        } else {
            self.expect_password(&grant, password.as_ref()).await?;
            known_by.said()
        };
        let record = AuditRecord::by(self.0.clock.now(), &grant, "user.person");
        let record = AuditRecord { target: Some(grant.actor().principal().name().to_owned()), ..record };
        self.0.people.set_person(grant.account(), person.clone(), record).await?;
        // Once for each address: nobody is flooded by who says the same again and again.
        if self.sends_letters() && !is_same {
            self.send_proof(grant.actor(), &person).await?;
        }
        Ok(person)
    }

    /// Refuses who does not know the password of the account, which he must say once more.
    ///
    /// # Errors
    /// `Denied`; `RateLimited`; `NotFound` where the account went meanwhile.
    pub(crate) async fn expect_password(
        &self,
        grant: &SelfGrant,
        password: Option<&Secret<String>>,
    ) -> Result<()> {
        let actor = grant.actor();
        let account = self.0.accounts.by_id(grant.account()).await?;
        let account = account.ok_or_else(|| Error::not_found(Subject::User))?;
        let missing = || Error::new(Kind::Denied, "this takes the current password too");
        let password = password.ok_or_else(missing)?;
        let login = actor.principal().name();
        if self.hear(login, Some(&account), password, actor.address()).await? {
            return Ok(());
        }
        self.0.attempts.count(login, actor.address(), self.0.clock.now());
        self.note_wrong(actor, "password.refused");
        Err(Error::new(Kind::Denied, "the current password is another one"))
    }
}
