//! What organisations store.

use async_trait::async_trait;
use wharf_core::{
    Digest, OrganisationName, Result,
    gate::{OrganisationId, RepositoryId},
};

use super::Usage;

/// What an organisation is counted to store, and what it stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recount {
    /// The organisation.
    pub organisation: OrganisationId,
    /// Its name.
    pub name: String,
    /// As counted along the way.
    pub counted: Usage,
    /// As counted anew.
    pub found: Usage,
}

/// What organisations store. Memberships and manifests are counted by what adds and removes them.
#[async_trait]
pub trait Usages {
    /// What an organisation stores.
    async fn usage(&mut self, organisation: OrganisationId) -> Result<Usage>;
    /// What the organisation of a repository stores.
    async fn usage_beside(&mut self, repository: RepositoryId) -> Result<Usage>;
    /// Whether any repository of the organisation of this one holds a blob.
    async fn is_counted(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
    /// Sets how many bytes an organisation may store; false if there is none.
    async fn set_quota(&mut self, organisation: &OrganisationName, bytes: Option<u64>) -> Result<bool>;
    /// How many bytes an organisation may store, if that has a limit.
    async fn quota(&mut self, organisation: OrganisationId) -> Result<Option<u64>>;
    /// Counts the organisation after one anew.
    async fn recount(&mut self, last: OrganisationId) -> Result<Option<Recount>>;
    /// Sets the count of an organisation to what it stores.
    async fn correct_usage(&mut self, organisation: OrganisationId) -> Result<()>;
}
