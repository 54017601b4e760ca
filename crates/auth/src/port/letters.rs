//! Letters to users, what they carry, and who brings them.

use async_trait::async_trait;
use wharf_core::{AccountId, EmailAddress, Result, Secret, Timestamp, TokenHash, audit::AuditRecord};

use super::LinkRow;

/// A letter to be brought.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom.
    pub to: EmailAddress,
    /// What it is about.
    pub subject: String,
    /// What it says: plain text, which may hold a one-time link.
    pub text: Secret<String>,
}

/// Brings letters.
#[async_trait]
pub trait Postman: Send + Sync {
    /// Brings one, as far as the first server that takes it.
    ///
    /// # Errors
    /// `Invalid` where it is refused for good; `Denied`, `Timeout`, `Unavailable` where another try may succeed.
    async fn bring(&self, letter: &Letter) -> Result<()>;
}

/// A letter to be kept until it is brought.
#[derive(Clone, Debug)]
pub struct SealedLetter {
    /// What stands for its recipient, by which letters are counted.
    pub recipient: [u8; 32],
    /// It, sealed.
    pub sealed: Vec<u8>,
}

impl SealedLetter {
    /// How many letters of one rank a recipient gets within [`SealedLetter::WITHIN`].
    pub const MOST: i64 = 5;
    /// Within how long that is, in seconds.
    pub const WITHIN: i64 = 3600;
}

/// What a letter carries beside words.
#[derive(Clone, Debug)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// A link by which a password is set.
    Link(LinkRow),
    /// Something that is done when the letter is answered.
    Promise(PromiseRow),
}

impl Carried {
    /// The rank of the letter: what has the lower one is brought first. Who lost his password waits for it.
    pub const fn rank(&self) -> i64 {
        match self {
            Self::Link(_) => 0,
            Self::Nothing | Self::Promise(_) => 1,
        }
    }
}

/// What is done when a letter is answered, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromiseRow {
    /// The hash of what the letter holds.
    pub hash: TokenHash,
    /// Whose address is proven by it; none for who is no user yet.
    pub account: Option<AccountId>,
    /// What is done, sealed.
    pub sealed: Vec<u8>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A letter as its row tells it.
#[derive(Clone, Debug)]
pub struct LetterRow {
    /// The row id.
    pub id: i64,
    /// The letter, sealed.
    pub sealed: Vec<u8>,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// When it was written.
    pub created_at: Timestamp,
}

/// Letters that wait to be brought, and what waits for their answers.
#[async_trait]
pub trait Letters: Send + Sync {
    /// Adds a letter with what it carries; nothing of it, and false, where its recipient had as many within the hour as anybody
    /// gets, those with links counted apart. Another promise to the same account takes the place of the one before.
    async fn post(&self, letter: SealedLetter, carried: Carried, record: AuditRecord) -> Result<bool>;
    /// Takes letters that are due at `now`, a few, those with links first; until `until` nobody else gets them.
    async fn take_due_letters(&self, now: Timestamp, until: Timestamp) -> Result<Vec<LetterRow>>;
    /// Forgets a letter, or lets it be due again then.
    async fn settle_letter(&self, id: i64, due_at: Option<Timestamp>) -> Result<()>;
    /// The promise of a hash that has not ended at `now`.
    async fn promise(&self, hash: TokenHash, now: Timestamp) -> Result<Option<PromiseRow>>;
    /// Uses up a promise: the address, by its key, is known to be the account's; false where it is another by now.
    ///
    /// # Errors
    /// `Exists` where it came to be known as another user's.
    async fn verify_address(
        &self,
        (hash, account): (TokenHash, AccountId),
        key: String,
        record: AuditRecord,
    ) -> Result<bool>;
    /// The account whose user is known to have an address.
    async fn account_of_address(&self, key: String) -> Result<Option<AccountId>>;
    /// Forgets promises that have ended, and letters that are not counted any more.
    async fn remove_expired_promises(&self, now: Timestamp) -> Result<()>;
}
