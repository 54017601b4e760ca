//! Users, as an operator sees and manages them.

use async_trait::async_trait;
use wharf_core::{AccountId, Result, Timestamp, UserName, audit::AuditRecord};

use super::{Person, Span};

/// A user as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The row id.
    pub id: AccountId,
    /// The login.
    pub name: UserName,
    /// Whether it is the platform's operator.
    pub operator: bool,
    /// Whether it may not log in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it is known by beside the login.
    pub person: Person,
}

/// What is to become of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may log in again.
    Enabled,
    /// It may not log in, and every credential of it ends.
    Disabled,
    /// As disabled, for ever: its roles, password and tokens are gone, and what it was known by beside its login, which
    /// stays taken.
    Removed,
}

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// Users in the byte order of their logins; not those that were removed.
    async fn users(&self, span: Span) -> Result<Vec<UserRow>>;
    /// One of them.
    async fn user(&self, name: &UserName) -> Result<Option<UserRow>>;
    /// Decides a user's fate; false where there is no such user.
    ///
    /// # Errors
    /// `Conflict` where the platform would lose its last operator.
    async fn decide_fate(&self, name: UserName, fate: Fate, record: AuditRecord) -> Result<bool>;
}
