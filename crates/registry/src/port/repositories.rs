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

/// A manifest as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its artifact type, if it has one.
    pub artifact_type: Option<String>,
    /// The manifest it is about, if it is about one.
    pub subject: Option<Digest>,
    /// Its own size, in bytes.
    pub size: u64,
    /// When it came into this repository.
    pub created_at: Timestamp,
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
    /// Manifests after `last` in the order of the digests, whatever points to them; at most `most`.
    async fn listed_manifests(
        &mut self,
        id: RepositoryId,
        last: Option<&Digest>,
        most: u32,
    ) -> Result<Vec<ListedManifest>>;
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
