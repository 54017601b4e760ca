//! One-time links, and what they do.

use async_trait::async_trait;
use wharf_core::{AccountId, Result, Timestamp, TokenHash, audit::AuditRecord};

/// How a link comes to its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkWay {
    /// The operator hands it over.
    Handed,
    /// It is sent to the address.
    Sent,
}

impl LinkWay {
    /// Its word in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Handed => "handed",
            Self::Sent => "sent",
        }
    }

    /// Reads a word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Handed, Self::Sent].into_iter().find(|way| way.word() == word)
    }
}

/// A one-time link of an account, as its row tells it. Another that comes the same way takes its place.
#[derive(Clone, Debug)]
pub struct LinkRow {
    /// The hash of its text.
    pub hash: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// How it comes to its user: what strangers have sent takes the place of nothing that the operator handed over.
    pub way: LinkWay,
    /// The account's version when it was made; with another one the link has ended.
    pub account_version: i64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// One-time links.
#[async_trait]
pub trait Links: Send + Sync {
    /// Adds a link.
    async fn add_link(&self, link: LinkRow, record: AuditRecord) -> Result<()>;
    /// The link of a hash that has not ended at `now`.
    async fn link(&self, hash: TokenHash, now: Timestamp) -> Result<Option<LinkRow>>;
    /// Uses up a link: sets the password of its account and ends every credential of it; false where it ended meanwhile.
    async fn use_link(&self, link: LinkRow, password_hash: String, record: AuditRecord) -> Result<bool>;
    /// Forgets links and invitations that have ended.
    async fn remove_expired_links(&self, now: Timestamp) -> Result<()>;
}
