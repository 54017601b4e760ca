//! Users, as people: how they come.

use async_trait::async_trait;
use wharf_core::{AccountId, OrganisationName, Result, audit::AuditRecord};

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
}
