//! Counting what there may be only so many of. On PostgreSQL who counts at the same moment sees nothing of the other, so
//! they take turns; what belongs to an organisation is counted while that is held (`tenants::hold_organisation`).

use wharf_core::Result;

use crate::session::{Session, Writers};

/// What is counted.
#[derive(Clone, Copy)]
pub(super) enum Tally<'a> {
    /// Letters to a recipient, who is told by a hash.
    LettersTo(&'a [u8]),
    /// API tokens of an account.
    TokensOf(i64),
    /// Accounts of jobs that stand for a rule.
    AccountsOf(i64),
}

impl Tally<'_> {
    /// A number for the lock. Two that come to the same by chance wait for one another, and no more.
    fn number(self) -> i64 {
        const TOKENS: i64 = 1 << 56;
        const ACCOUNTS: i64 = 2 << 56;
        match self {
            Self::LettersTo(recipient) => {
                recipient.first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
            }
            Self::TokensOf(account) => TOKENS | account,
            Self::AccountsOf(rule) => ACCOUNTS | rule,
        }
    }
}

/// Lets nobody else count the same until the transaction ends, where others write too.
pub(super) async fn one_by_one(session: &mut dyn Session, tally: Tally<'_>) -> Result<()> {
    const LOCK: &str = "SELECT pg_advisory_xact_lock($1)";
    match session.writers() {
        Writers::One => Ok(()),
        Writers::Many => session.execute(LOCK, &[tally.number().into()]).await.map(drop),
    }
}
