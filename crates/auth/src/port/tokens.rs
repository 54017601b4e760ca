//! API tokens, and the robots that have nothing else.

use async_trait::async_trait;
use wharf_core::{
    AccountId, Reach, Result, RobotName, Role, Timestamp, TokenHash, audit::AuditRecord, gate::OrganisationId,
};

use super::Span;

/// An API token as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The row id, in the order of which tokens are listed.
    pub row: i64,
    /// The hash of its text.
    pub hash: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// The account's version when it was made.
    pub account_version: i64,
    /// What its owner calls it.
    pub name: String,
    /// How far it reaches; none: as far as its owner.
    pub reach: Option<Reach>,
    /// The token that it was made with, and ends with.
    pub parent: Option<TokenHash>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, as far as that is written down.
    pub used_at: Option<Timestamp>,
}

/// A robot as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotRow {
    /// Its account.
    pub account: AccountId,
    /// Its account's version.
    pub version: i64,
    /// The login.
    pub name: RobotName,
    /// Its role in its organisation.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
}

/// API tokens.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// The token of a hash.
    async fn token(&self, hash: TokenHash) -> Result<Option<TokenRow>>;
    /// The tokens of an account that have not ended at `now`, the oldest first, a thousand at most.
    async fn tokens(&self, account: AccountId, now: Timestamp) -> Result<Vec<TokenRow>>;
    /// Adds a token; its `row` and `used_at` do not count.
    ///
    /// # Errors
    /// `Conflict` where the account has as many as it may.
    async fn add_token(&self, token: TokenRow, record: AuditRecord) -> Result<()>;
    /// Ends a token of an account; false where it has no such token.
    async fn remove_token(&self, account: AccountId, hash: TokenHash, record: AuditRecord) -> Result<bool>;
    /// Writes down when tokens were last used.
    async fn note_uses(&self, uses: Vec<(TokenHash, Timestamp)>) -> Result<()>;
    /// Forgets tokens that ended before.
    async fn remove_expired_tokens(&self, before: Timestamp) -> Result<()>;
}

/// Robots.
#[async_trait]
pub trait Robots: Send + Sync {
    /// Robots of an organisation in the byte order of their names, after a whole login.
    async fn robots(&self, id: OrganisationId, span: Span) -> Result<Vec<RobotRow>>;
    /// One of them.
    async fn robot(&self, id: OrganisationId, name: &RobotName) -> Result<Option<RobotRow>>;
    /// Makes a robot with a role in its organisation. A name that was given up is free again for the organisation.
    ///
    /// # Errors
    /// `Exists`; `NotFound` where the organisation is gone.
    async fn create_robot(
        &self,
        id: OrganisationId,
        name: RobotName,
        role: Role,
        record: AuditRecord,
    ) -> Result<RobotRow>;
    /// Removes a robot with its tokens; false where there is none.
    async fn remove_robot(&self, id: OrganisationId, name: RobotName, record: AuditRecord) -> Result<bool>;
}

/// Everything machines are known by.
pub trait Machines: Tokens + Robots {}

impl<T: Tokens + Robots> Machines for T {}
