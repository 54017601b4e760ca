//! What a transaction makes of organisations, registries and repositories along the way.

use async_trait::async_trait;
use wharf_core::{
    Actor, Place, RegistryKind, Result, Timestamp,
    gate::{OrganisationId, RegistryId, RepositoryId},
};

/// Who makes what is not there, and when: for the record of it.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// When.
    pub at: Timestamp,
}

/// A registry that something is pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its row.
    pub id: RegistryId,
    /// The kind that it was when the push was let in.
    pub kind: RegistryKind,
}

/// Organisations, registries, repositories. What is made of them is recorded.
#[async_trait]
pub trait Tenants {
    /// Holds an organisation until the transaction ends, so that what comes to belong to it is counted one after the other,
    /// and not while it is removed. `NotFound` where it was.
    async fn hold_organisation(&mut self, organisation: OrganisationId) -> Result<()>;
    /// The registry of a place, made with its organisation (and that one's `main`) where they are not there. It is for a push,
    /// so it must be hosted.
    async fn ensure_registry(&mut self, place: &Place, maker: Maker<'_>) -> Result<Home>;
    /// The repository of a place in its registry, made if it is not there: then the registry is held, and stays of its kind
    /// until the transaction ends; one that holds repositories changes its kind no more. `Unsupported` where it became another
    /// one since the push was let in, also where others made the repository since; `NotFound` where it is gone.
    async fn ensure_repository(
        &mut self,
        home: Home,
        place: &Place,
        maker: Maker<'_>,
    ) -> Result<RepositoryId>;
    /// Lets no other transaction change this repository's manifests and tags until this one ends; false if it is gone.
    async fn lock_repository(&mut self, repository: RepositoryId) -> Result<bool>;
    /// Shows the repository in lists from now on.
    async fn show_repository(&mut self, repository: RepositoryId) -> Result<()>;
    /// Looks at up to `most` repositories that were never shown and were not looked at since `before`, and removes
    /// those that hold nothing. The others are looked at again when as much time has passed.
    async fn remove_empty_repositories(
        &mut self,
        before: Timestamp,
        now: Timestamp,
        most: u32,
    ) -> Result<EmptyRepositories>;
}

/// What a look at repositories came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyRepositories {
    /// How many were looked at.
    pub looked_at: u64,
    /// How many of them were empty and are gone.
    pub removed: u64,
}
