//! The second factor of users: a seed that codes are made of, and codes for when it is lost.

use async_trait::async_trait;
use wharf_core::{AccountId, Result, TokenHash, audit::AuditRecord};

/// A second factor as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorRow {
    /// The seed, sealed.
    pub seed: Vec<u8>,
    /// The latest step whose code was used.
    pub step: i64,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

/// What makes a second factor stand.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The step whose code confirmed it.
    pub step: i64,
    /// The hashes of its recovery codes.
    pub recovery_codes: Vec<[u8; 32]>,
    /// The login that goes on; all others end, and so do refresh tokens, which a password alone had opened.
    pub login: Option<TokenHash>,
}

/// Second factors. One that was begun and not confirmed asks nothing of anybody.
#[async_trait]
pub trait SecondFactors: Send + Sync {
    /// The second factor of an account, confirmed or not.
    async fn factor(&self, account: AccountId) -> Result<Option<FactorRow>>;
    /// Begins one with a sealed seed, in the place of one that was not confirmed.
    ///
    /// # Errors
    /// `Conflict` where one is confirmed.
    async fn begin_factor(&self, account: AccountId, seed: Vec<u8>, record: AuditRecord) -> Result<()>;
    /// Confirms the one that was begun; false where there is none, or it was confirmed meanwhile.
    async fn confirm_factor(
        &self,
        account: AccountId,
        confirmation: Confirmation,
        record: AuditRecord,
    ) -> Result<bool>;
    /// Uses up a step; false where that or a later one was used.
    async fn use_step(&self, account: AccountId, step: i64) -> Result<bool>;
    /// Uses up a recovery code; false where there is no such code.
    async fn use_recovery_code(
        &self,
        account: AccountId,
        hash: [u8; 32],
        record: AuditRecord,
    ) -> Result<bool>;
    /// Removes the second factor with its recovery codes; false where there is none.
    async fn remove_factor(&self, account: AccountId, record: AuditRecord) -> Result<bool>;
}
