//! Repositories as such: which a registry has, what tags they show, and how one is taken apart.

use async_trait::async_trait;
use wharf_core::{
    Digest, Place, Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};

use super::UploadRow;

/// A repository as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    /// The row id.
    pub id: RepositoryId,
    /// Its place.
    pub place: Place,
    /// When it came to be.
    pub created_at: Timestamp,
}

/// Which repositories are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are shown in lists.
    Shown,
    /// Also those that only uploads were begun in.
    All,
}

/// A tag and what it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: String,
    /// The manifest it points to.
    pub digest: Digest,
    /// Since when.
    pub updated_at: Timestamp,
}

/// Repositories.
#[async_trait]
pub trait Repositories {
    /// Repositories of a registry after the canonical name `last`, in byte order; at most `most`.
    async fn repositories(
        &mut self,
        registry: RegistryId,
        which: Which,
        last: Option<&str>,
        most: u32,
    ) -> Result<Vec<RepositoryRow>>;
    /// One of them, if it is shown.
    async fn repository(&mut self, id: RepositoryId) -> Result<Option<RepositoryRow>>;
    /// Tags after `last` in byte order, with what they point to; at most `most`.
    async fn tag_rows(&mut self, id: RepositoryId, last: Option<&str>, most: u32) -> Result<Vec<TagRow>>;
    /// Some manifests of a repository.
    async fn some_manifests(&mut self, id: RepositoryId, most: u32) -> Result<Vec<Digest>>;
    /// Some blobs of a repository.
    async fn some_members(&mut self, id: RepositoryId, most: u32) -> Result<Vec<Digest>>;
    /// Some uploads of a repository.
    async fn some_uploads(&mut self, id: RepositoryId, most: u32) -> Result<Vec<UploadRow>>;
    /// Forgets up to `most` moves of a repository's tags; says how many.
    async fn forget_moves(&mut self, id: RepositoryId, most: u32) -> Result<u64>;
    /// Removes a repository that holds nothing; false where it holds something. The names that were claimed in it stay.
    async fn remove_repository(&mut self, id: RepositoryId) -> Result<bool>;
}
