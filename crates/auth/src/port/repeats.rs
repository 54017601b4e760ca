//! What was answered to a request that may be sent again.

use async_trait::async_trait;
use wharf_core::{AccountId, Result, Timestamp};

/// A request that carries a key.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Who sends it.
    pub account: AccountId,
    /// The key.
    pub key: String,
    /// What is asked, as a mark.
    pub fingerprint: [u8; 32],
}

/// The times by which a repeat is judged.
#[derive(Clone, Copy, Debug)]
pub struct RepeatTimes {
    /// Now.
    pub now: Timestamp,
    /// An answer of before is forgotten.
    pub forgotten: Timestamp,
    /// A request of before that has no answer has come to nothing.
    pub abandoned: Timestamp,
}

/// What is known of such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is now being answered.
    Nothing,
    /// It is being answered.
    Running,
    /// It was answered so.
    Answered(Vec<u8>),
    /// The key stands for another request.
    Other,
}

/// Requests that may be sent again.
#[async_trait]
pub trait Repeats: Send + Sync {
    /// Says what is known of a request, and keeps it where that is nothing.
    async fn begin_repeat(&self, repeat: Repeat, times: RepeatTimes) -> Result<Known>;
    /// Keeps the answer to a request; none: it came to nothing, and its key is free.
    async fn end_repeat(&self, repeat: Repeat, answer: Option<Vec<u8>>) -> Result<()>;
    /// Forgets answers of before.
    async fn forget_repeats(&self, before: Timestamp) -> Result<()>;
}
