//! What a transaction can do with releases, the names of their parts, and the pages that show them.

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{
    Digest, Place, RegistryPlace, Result, Tag, Timestamp,
    gate::{RegistryId, RepositoryId},
};

use super::DocumentRow;
use crate::format::{Claim, FactCursor, Pair};

/// A fact that is listed in a release, without its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRow {
    /// Its row; later ones have greater ones.
    pub id: i64,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's size in bytes.
    pub size: u64,
    /// When the manifest was first pushed.
    pub created_at: Timestamp,
    /// The release, by its tag.
    pub release: String,
    /// What it is about.
    pub subject: String,
    /// What was read, as JSON.
    pub attributes: String,
}

/// Which of what a format lists in a repository is wanted.
#[derive(Clone, Copy, Debug)]
pub struct ListedOf<'a> {
    /// The repository.
    pub repository: RepositoryId,
    /// The format.
    pub format: &'a str,
    /// The release; nothing where all are wanted.
    pub release: Option<&'a Tag>,
    /// After which one.
    pub last: Option<&'a ListedRow>,
    /// How many at most.
    pub most: u32,
}

/// What was read of a manifest that stands beside what a format lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideRow {
    /// The row of the fact; later ones have greater ones.
    pub id: i64,
    /// What was read, as JSON.
    pub attributes: String,
}

/// A fact that the page of its registry shows, without its documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    /// Where it stands in the order, with its subject.
    pub cursor: FactCursor,
    /// The repository.
    pub place: Place,
    /// The tag under which it is shown.
    pub tag: Tag,
    /// The digest of its manifest.
    pub digest: Digest,
    /// When the manifest was first pushed.
    pub created_at: Timestamp,
    /// What was read, as JSON.
    pub attributes: String,
}

/// Which of the facts that a registry shows are wanted.
#[derive(Clone, Debug)]
pub struct ShownOf {
    /// The registry.
    pub registry: RegistryId,
    /// The format.
    pub format: String,
    /// The name and the value of an attribute that they are found by; nothing where all are wanted.
    pub pair: Option<(String, String)>,
    /// After which fact.
    pub last: Option<FactCursor>,
    /// How many at most.
    pub most: u32,
}

/// What stands in the way of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: the name is the manifest's now, or was before.
    Free,
    /// Another content has the name.
    Taken,
    /// Another content had it, and is gone.
    Buried,
}

/// Releases: which facts are listed together, and whose their names are.
#[async_trait]
pub trait Releases {
    /// Lists those facts of a manifest that belong to a release and are not listed.
    async fn list_facts(&mut self, repository: RepositoryId, digest: &Digest, release: &Tag) -> Result<()>;
    /// Takes all facts of a release off the list; of which formats and subjects they are, each once.
    async fn unlist(&mut self, repository: RepositoryId, release: &Tag) -> Result<Vec<(String, String)>>;
    /// What is listed of a format, by release, the oldest of one first.
    async fn listed(&mut self, wanted: ListedOf<'_>) -> Result<Vec<ListedRow>>;
    /// Any one of them, if there is any.
    async fn first_listed(
        &mut self,
        repository: RepositoryId,
        format: &str,
        release: Option<&Tag>,
    ) -> Result<Option<ListedRow>>;
    /// What was read of manifests that stand beside what a format lists, and are of no release: the oldest first, after a row;
    /// at most `most`.
    async fn beside(
        &mut self,
        repository: RepositoryId,
        format: &str,
        (last, most): (i64, u32),
    ) -> Result<Vec<BesideRow>>;
    /// Of which format and subject the facts of a manifest are that stand beside; each once.
    async fn beside_of(&mut self, repository: RepositoryId, digest: &Digest)
    -> Result<Vec<(String, String)>>;
    /// What was read of those that are found by a pair, each with a document of it; at most `most`.
    async fn documents_beside(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
        (name, most): (&str, u32),
    ) -> Result<Vec<(String, DocumentRow)>>;
    /// Of which format, subject and release the facts of a manifest are that are listed; each once.
    async fn listings_of(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<(String, String, Tag)>>;
    /// The first listed fact that is found by a pair.
    async fn find_listed(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
    ) -> Result<Option<ListedRow>>;
    /// A document of the first listed fact that is found by a pair.
    async fn find_document(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
        name: &str,
    ) -> Result<Option<DocumentRow>>;
    /// Lets a manifest of the repository hold a name for good. Other content never gets it.
    async fn hold(&mut self, repository: RepositoryId, manifest: &Digest, claim: &Claim) -> Result<Held>;
    /// Whether any name was ever held in a repository called so, be that there or not.
    async fn was_held(&mut self, place: &Place) -> Result<bool>;
}

/// Of what a page is: all that is listed of a format in a repository, or what subjects are in a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageOf {
    /// The registry.
    pub registry: RegistryId,
    /// The repository, or the whole registry.
    pub repository: Option<RepositoryId>,
    /// The format.
    pub format: &'static str,
}

/// How far a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageState {
    /// Moves with every change of what it shows.
    pub revision: i64,
    /// Whether anything is listed.
    pub listed: bool,
}

/// A page in one encoding, as it was rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageBody {
    /// Which of the pages of one thing it is.
    pub kind: String,
    /// The encoding: `identity`, `gzip`, `zstd`.
    pub encoding: String,
    /// Its media type.
    pub media_type: String,
    /// Its strong entity tag, without quotes.
    pub etag: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// Pages: what is shown, and how it was rendered. A tag that moves moves the page of the registry that shows a fact under it.
#[async_trait]
pub trait Pages {
    /// Moves the page of a registry on, after facts of a manifest were read that it may show.
    async fn move_shown(&mut self, repository: RepositoryId, format: &str) -> Result<()>;
    /// What a registry shows, by subject, the newest first.
    async fn shown(&mut self, wanted: &ShownOf) -> Result<Vec<ShownRow>>;
    /// What a registry is called.
    async fn registry_place(&mut self, registry: RegistryId) -> Result<Option<RegistryPlace>>;
    /// Moves a repository's page on, after what it shows changed; and the registry's, if a subject came or went.
    async fn move_page(&mut self, repository: RepositoryId, format: &str, subject: &str) -> Result<()>;
    /// How far a page is; nothing where nothing was ever listed.
    async fn page(&mut self, of: PageOf) -> Result<Option<PageState>>;
    /// The subjects of which something is listed in a registry, each once, in byte order, after one; at most `most`.
    async fn listed_subjects(
        &mut self,
        registry: RegistryId,
        format: &str,
        (last, most): (&str, u32),
    ) -> Result<Vec<String>>;
    /// The bodies that were kept of a revision.
    async fn page_bodies(&mut self, of: PageOf, revision: i64) -> Result<Vec<PageBody>>;
    /// Keeps bodies of a revision in the place of those before, if the page still stands there; says whether it does.
    async fn keep_bodies(&mut self, of: PageOf, revision: i64, bodies: &[PageBody]) -> Result<bool>;
}
