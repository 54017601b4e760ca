//! Invitations to organisations.

use async_trait::async_trait;
use wharf_core::{
    AccountId, OrganisationName, Result, Role, Timestamp, TokenHash, UserName, audit::AuditRecord,
    gate::OrganisationId,
};

use super::{NewAccount, Span};

/// An invitation as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// The row id.
    pub id: i64,
    /// What is promised.
    pub role: Role,
    /// What the inviter noted about whom it is for.
    pub note: String,
    /// The login of who invited.
    pub invited_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Where somebody came to belong by an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The organisation.
    pub organisation: OrganisationName,
    /// The role there: the one that was promised, or the one before where that is more.
    pub role: Role,
}

/// What is used up by signing up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedUpBy {
    /// The invitation.
    pub invitation: Option<TokenHash>,
    /// What a letter promised that was answered.
    pub promise: Option<TokenHash>,
}

/// Invitations, and how users come by them.
#[async_trait]
pub trait Invitations: Send + Sync {
    /// The invitations of an organisation that have not ended at `now`, after a row id.
    async fn invitations(&self, id: OrganisationId, now: Timestamp, span: Span)
    -> Result<Vec<InvitationRow>>;
    /// Adds an invitation; its `id` does not count, and the one it got is answered. The record's target goes on with that and
    /// the role.
    ///
    /// # Errors
    /// `Conflict` where the organisation has as many as it may.
    async fn add_invitation(
        &self,
        organisation: OrganisationId,
        (hash, row): (TokenHash, InvitationRow),
        record: AuditRecord,
    ) -> Result<i64>;
    /// Takes an invitation back; false where there is none.
    async fn remove_invitation(
        &self,
        organisation: OrganisationId,
        invitation: i64,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Uses up an invitation: the account comes to belong to its organisation; none where it ended before the record's time.
    async fn accept_invitation(
        &self,
        hash: TokenHash,
        account: AccountId,
        record: AuditRecord,
    ) -> Result<Option<Joined>>;
    /// Whether there is an invitation of a hash that has not ended at `now`.
    async fn invites(&self, hash: TokenHash, now: Timestamp) -> Result<bool>;
    /// Whether nobody who signs up may have a name: a user or an organisation has or had it.
    async fn is_name_taken(&self, name: &UserName) -> Result<bool>;
    /// Makes an account for who signs up.
    ///
    /// # Errors
    /// `Exists` where a user or an organisation has or had the name, or the address that a letter proves is known to be
    /// another's; `Denied` where the
    /// invitation or the letter has ended.
    async fn sign_up(&self, account: NewAccount, by: SignedUpBy, record: AuditRecord) -> Result<AccountId>;
}
