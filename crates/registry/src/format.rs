//! The seam through which every kind of content comes in.
//!
//! A format recognises its own among the manifests that are pushed, whichever door they came through, and reads
//! what their bytes say before the transaction that stores them. The facts it yields are indexed in that transaction;
//! what contradicts itself it refuses in words. A format is plain code: it runs on a thread that may block.

mod contents;
mod fact;
mod inspect;
mod list;

use std::{fmt, io, sync::Arc};

use wharf_core::{Detail, Digest, Error, Kind, Place, Tag, manifest::Manifest};

pub(crate) use self::inspect::Inspected;
pub use self::list::FactSearch;
pub use self::{
    contents::{BlobReader, Contents},
    fact::{Document, Fact, FactCursor},
};

/// A kind of content that Wharf understands.
pub trait Format: Send + Sync {
    /// The word for it in rows, in filters and URLs.
    fn name(&self) -> &'static str;

    /// Whether a manifest is one of its own, judged by the manifest alone.
    fn recognises(&self, candidate: &Candidate) -> bool;

    /// Reads what the bytes say, within bounds of its own.
    ///
    /// # Errors
    /// A refusal, when the content is broken or says of itself what is not true.
    fn inspect(&self, candidate: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal>;
}

/// A manifest that is about to be stored.
pub struct Candidate {
    /// The repository it is pushed to.
    pub place: Place,
    /// The tags it is to get.
    pub tags: Vec<Tag>,
    /// The digest it is stored under.
    pub digest: Digest,
    /// What was read of it.
    pub manifest: Arc<Manifest>,
}

/// Why a format does not take something, in words for whoever pushed it.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal(String);

impl Refusal {
    /// A refusal in these words.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(Kind::Invalid, refusal.0).with(Detail::Manifest)
    }
}
