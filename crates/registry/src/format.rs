//! The seam through which every kind of content comes in.
//!
//! A format recognises its own among the manifests that are pushed, whichever door they came through, and reads
//! what their bytes say before the transaction that stores them. The facts it yields are indexed in that transaction;
//! what contradicts itself it refuses in words. A format is plain code: it runs on a thread that may block.
//!
//! A format whose artifacts come in parts, several to a release, lists its facts in releases. From what is listed it
//! derives the index of a release, in the transaction, and renders the pages that readers ask for, outside of it.

mod contents;
mod fact;
mod inspect;
mod list;
mod names;
mod notice;
mod page;
mod reading;
mod release;
mod removal;
mod search;
mod shelf;
mod shown;
mod values;

use std::{fmt, io, sync::Arc};

use bytes::Bytes;
use wharf_core::{Actor, Detail, Digest, Error, Kind, Place, RegistryPlace, Tag, manifest::Manifest};

pub use self::{
    contents::{BlobReader, Contents},
    fact::{Claim, Document, Fact, FactCursor, Pair},
    page::{Encoding, Rendered, RenderedBody, RenderedPage},
};
pub(crate) use self::{
    inspect::Inspected,
    names::NAMES_BYTES,
    notice::expect_open,
    release::{Listings, expect_free, rebuild, untag},
    shelf::Shelf,
};
pub use self::{
    list::FactSearch,
    names::Names,
    notice::Standing,
    search::{FoundFacts, SubjectSearch},
    shown::SubjectOf,
    values::AttributeOf,
};

use crate::port::{ListedRow, NoticeRow, ShownRow};

/// A kind of content that Wharf understands.
pub trait Format: Send + Sync {
    /// The word for it in rows, in filters and URLs.
    fn name(&self) -> &'static str;

    /// The names of the pairs that its facts are found by.
    fn found_by(&self) -> &'static [&'static str];

    /// Whether a manifest is one of its own, judged by the manifest alone.
    fn recognises(&self, candidate: &Candidate) -> bool;

    /// Reads what the bytes say, within bounds of its own.
    ///
    /// # Errors
    /// A refusal, when the content is broken or says of itself what is not true. What is no fault of the content goes
    /// through [`Contents`], which tells it to the engine.
    fn inspect(&self, candidate: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal>;

    /// The artifact type of the indexes it derives, if it derives any.
    fn release_type(&self) -> Option<&'static str> {
        None
    }

    /// The index that stands for a release, of all that is listed in it, in the order of its coming. Pure, and always
    /// the same for the same rows: it runs in the transaction that changed them.
    ///
    /// # Errors
    /// A refusal as an error, when no index can hold all of it; `Internal` for rows that it did not write.
    fn derive(&self, _listed: &[ListedRow]) -> wharf_core::Result<Option<Bytes>> {
        Ok(None)
    }

    /// The pair by which a part of a release is found, if its parts have names.
    fn part(&self) -> Option<&'static str> {
        None
    }

    /// The tag of the release that a name stands for: its own, or the version as people write it.
    fn release_named(&self, name: &str) -> Option<Tag> {
        name.parse().ok()
    }

    /// What its page of a registry shows.
    fn registry_page(&self) -> RegistryPage {
        RegistryPage::Subjects
    }

    /// What tells whether a fact that is shown answers a question.
    ///
    /// # Errors
    /// `Invalid` for a question that makes no sense.
    fn answers(&self, _question: &Question) -> wharf_core::Result<Answers> {
        Ok(Box::new(|_| true))
    }

    /// The pages that show a listing. Pure, and always the same for the same listing, so that two nodes agree.
    ///
    /// # Errors
    /// `Internal` for rows that it did not write.
    fn pages(&self, _listing: &Listing) -> wharf_core::Result<Vec<Page>> {
        Ok(Vec::new())
    }
}

/// What pages are rendered of.
pub enum Listing {
    /// All that is listed in a repository.
    Repository(RepositoryListing),
    /// The subjects of which anything is listed in a registry, in byte order.
    Registry(Vec<String>),
    /// All that a registry shows, by subject, the newest first.
    Shown(RegistryPlace, Vec<ShownRow>),
}

/// What a search asks of a fact. All of it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// A word that its name or its description holds, in whatever case.
    pub word: Option<String>,
    /// A keyword that it has.
    pub keyword: Option<String>,
    /// Versions that it may have.
    pub versions: Option<String>,
}

/// Tells whether a fact answers a question.
pub type Answers = Box<dyn Fn(&ShownRow) -> bool + Send + Sync>;

/// What the page of a registry shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryPage {
    /// The subjects of what is listed in releases: it changes when one comes or goes.
    Subjects,
    /// Every fact whose own tag points to its manifest ([`Fact::shown_as`]): it changes with every move of such a tag.
    Facts,
}

/// What the pages of a repository show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryListing {
    /// Where it lies.
    pub place: Place,
    /// All that is listed, in the order of its coming.
    pub rows: Vec<ListedRow>,
    /// What was said about it, about all first.
    pub notices: Vec<NoticeRow>,
    /// What was read of manifests that stand beside it and are of no release, as JSON.
    pub beside: Vec<String>,
}

/// A page as a format renders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its name among the pages of one listing.
    pub kind: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: Bytes,
}

/// A manifest that is about to be stored.
pub struct Candidate {
    /// The repository it is pushed to.
    pub place: Place,
    /// Who pushes it.
    pub pusher: Actor,
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
