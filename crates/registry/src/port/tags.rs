//! Tags: where they point, and where they pointed.

use async_trait::async_trait;
use wharf_core::{Digest, Result, Tag, Timestamp, gate::RepositoryId};

use super::ManifestRow;

/// When something was done, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// When.
    pub at: Timestamp,
    /// The name of who did it.
    pub by: &'a str,
}

/// What became of a tag that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// It was not there.
    New,
    /// It pointed elsewhere.
    Over,
    /// It stands as it stood.
    Stands,
}

/// A move of a tag, as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRow {
    /// Its row; later moves have greater ones.
    pub id: i64,
    /// Where it pointed before; nothing where it was not there.
    pub from: Option<Digest>,
    /// Where it pointed from then on; nothing where it was removed.
    pub to: Option<Digest>,
    /// When.
    pub at: Timestamp,
    /// The name of who moved it.
    pub by: String,
    /// Whether the manifest is still there.
    pub stands: bool,
}

/// Tags and their history.
#[async_trait]
pub trait Tags {
    /// The manifest a tag points to.
    async fn find_tagged(&mut self, repository: RepositoryId, tag: &Tag) -> Result<Option<ManifestRow>>;
    /// The digest of the manifest a tag points to.
    async fn tagged(&mut self, repository: RepositoryId, tag: &Tag) -> Result<Option<Digest>>;
    /// Points a tag at a manifest of the repository and keeps the move in the history.
    async fn set_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        digest: &Digest,
        mark: Mark<'_>,
    ) -> Result<Move>;
    /// Removes a tag and keeps that in the history; the digest it pointed to, if it was there.
    async fn remove_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        mark: Mark<'_>,
    ) -> Result<Option<Digest>>;
    /// The moves of a tag before one, the latest first; at most `most`.
    async fn moves(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<MoveRow>>;
    /// Whether a tag is remembered to have pointed to a manifest.
    async fn has_pointed(&mut self, repository: RepositoryId, tag: &Tag, digest: &Digest) -> Result<bool>;
    /// Forgets up to `most` moves of tags that are older; says how many.
    async fn forget_tag_history(&mut self, before: Timestamp, most: u32) -> Result<u64>;
    /// The first tags that point to a manifest, in byte order; at most `most`.
    async fn tags_of(&mut self, repository: RepositoryId, digest: &Digest, most: u32) -> Result<Vec<Tag>>;
    /// Tags after `last`, in byte order, whose content holds a manifest or a blob, be it through an index; at most `most`.
    async fn tags_above(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        last: Option<&Tag>,
        most: u32,
    ) -> Result<Vec<Tag>>;
    /// The tags that [`Tags::tags_above`] finds, in no order; nothing where those and the manifests between are more than
    /// `most`, which is all that is read of them.
    async fn few_tags_above(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        most: u32,
    ) -> Result<Option<Vec<Tag>>>;
    /// Tags after `last` in byte order; at most `most`.
    async fn tags(&mut self, repository: RepositoryId, last: Option<&str>, most: u32) -> Result<Vec<String>>;
}
