//! Users, as people: what they are known by, and how they come.

use async_trait::async_trait;
use wharf_core::{
    AccountId, EmailAddress, OrganisationName, PersonName, Result, Timestamp, audit::AuditRecord,
};

/// What a user is known by beside the login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The e-mail address; no two users are known to have the same.
    pub email: Option<EmailAddress>,
    /// Since when that is known to be the user's: a letter there was answered, or the operator says so.
    pub verified_at: Option<Timestamp>,
    /// The given name.
    pub given_name: Option<PersonName>,
    /// The family name.
    pub family_name: Option<PersonName>,
}

/// A user who logs in for the first time.
#[derive(Clone, Debug)]
pub struct Newcomer {
    /// The account.
    pub account: AccountId,
    /// The organisation that is made for it, with it as the admin, if the name is free.
    pub organisation: Option<OrganisationName>,
}

/// Users, as people.
#[async_trait]
pub trait People: Send + Sync {
    /// Writes down the first login of a user, and makes its organisation; nothing where it logged in before. The record
    /// is of the organisation, and kept where one was made.
    async fn welcome(&self, newcomer: Newcomer, record: AuditRecord) -> Result<()>;
    /// What a user is known by; nothing where nothing was said.
    async fn person(&self, account: AccountId) -> Result<Person>;
    /// Says anew what a user is known by.
    ///
    /// # Errors
    /// `Exists` where the address is to be known as the user's, and is known as another's.
    async fn set_person(&self, account: AccountId, person: Person, record: AuditRecord) -> Result<()>;
}
