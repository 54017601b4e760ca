//! How far the scrub is.

use async_trait::async_trait;
use wharf_core::{Digest, Result, Timestamp};

/// A round of the scrub: one way through all blobs, in the order of their digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScrubRow {
    /// When it began.
    pub began_at: Timestamp,
    /// How many bytes there were to read then.
    pub planned_bytes: u64,
    /// The last blob that was looked at; `None` before the first.
    pub last: Option<Digest>,
    /// How many blobs were looked at.
    pub blobs: u64,
    /// How many of them had wrong bytes.
    pub damaged: u64,
    /// When the last round ended that went through all blobs; `None` before the first has.
    pub ended_at: Option<Timestamp>,
}

/// The scrub, of which there is one for all nodes.
#[async_trait]
pub trait Scrubs {
    /// The round that is under way; `None` before the first.
    async fn scrub(&mut self) -> Result<Option<ScrubRow>>;
    /// Keeps how far the round is, or that another one began.
    async fn set_scrub(&mut self, round: &ScrubRow) -> Result<()>;
}
