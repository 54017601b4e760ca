//! Logins of browsers: who is known by a cookie.

use async_trait::async_trait;
use wharf_core::{AccountId, Result, Timestamp, TokenHash, audit::AuditRecord};

/// A login as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRow {
    /// The hash of what the cookie holds.
    pub hash: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// The account's version when it was made.
    pub account_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, as far as that is written down.
    pub used_at: Timestamp,
    /// When it ends, used or not.
    pub expires_at: Timestamp,
    /// Where it was made from.
    pub address: Option<String>,
    /// What the browser called itself.
    pub user_agent: Option<String>,
}

/// How sure it is who logs in, by what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// The password, which is not enough where a second factor stands.
    Password,
    /// A code too.
    Code,
    /// What a provider wants: a second factor is its affair.
    AtProvider,
}

/// Logins. Their rows are read on each request, so that one that ended has ended on every node.
#[async_trait]
pub trait Logins: Send + Sync {
    /// Adds a login, and ends the account's oldest ones beyond `most`.
    ///
    /// # Errors
    /// `Unauthenticated` where what was shown is not enough by now: the account changed, or a second factor came to stand.
    async fn add_login(
        &self,
        login: LoginRow,
        assurance: Assurance,
        most: u32,
        record: AuditRecord,
    ) -> Result<()>;
    /// The login of a hash.
    async fn login(&self, hash: TokenHash) -> Result<Option<LoginRow>>;
    /// The logins of an account, the oldest first.
    async fn logins(&self, account: AccountId) -> Result<Vec<LoginRow>>;
    /// Ends a login of an account; false where it has no such login.
    async fn remove_login(&self, account: AccountId, hash: TokenHash, record: AuditRecord) -> Result<bool>;
    /// Writes down when logins were last used.
    async fn note_login_uses(&self, uses: Vec<(TokenHash, Timestamp)>) -> Result<()>;
    /// Forgets logins that have ended at `now`, and those not used since `idle`.
    async fn remove_expired_logins(&self, now: Timestamp, idle: Timestamp) -> Result<()>;
}
