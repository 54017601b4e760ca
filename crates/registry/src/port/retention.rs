//! What goes by its age.

use async_trait::async_trait;
use wharf_core::{
    Digest, RegistryName, RegistryPlace, Result, Tag, Timestamp,
    gate::{OrganisationId, RegistryId, RepositoryId},
};

use super::RuleKind;

/// A registry to which rules apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuledRegistry {
    /// Its row.
    pub id: RegistryId,
    /// What it is called.
    pub place: RegistryPlace,
}

/// A tag by its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedTag {
    /// The tag.
    pub tag: Tag,
    /// Where it points.
    pub digest: Digest,
    /// Since when.
    pub since: Timestamp,
}

/// A manifest, and whether anything holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedManifest {
    /// Its digest.
    pub digest: Digest,
    /// When it was first pushed.
    pub since: Timestamp,
    /// Whether it has no tag and had none of late, no manifest names it, and what it is about is not there.
    pub loose: bool,
}

/// What goes by its age.
#[async_trait]
pub trait Retention {
    /// Registries after one that have rules of a kind, in the order of their rows; at most `most`.
    async fn ruled_registries(
        &mut self,
        kind: RuleKind,
        last: RegistryId,
        most: u32,
    ) -> Result<Vec<RuledRegistry>>;
    /// The registry of this name.
    async fn find_registry(
        &mut self,
        organisation: OrganisationId,
        name: &RegistryName,
    ) -> Result<Option<RegistryId>>;
    /// The tags of a repository that are older than one, the latest first; at most `most`.
    async fn tags_by_age(
        &mut self,
        repository: RepositoryId,
        last: Option<&AgedTag>,
        most: u32,
    ) -> Result<Vec<AgedTag>>;
    /// Whether a tag stands as it was seen.
    async fn stands(&mut self, repository: RepositoryId, seen: &AgedTag) -> Result<bool>;
    /// The manifests of a repository after one, in the order of their digests; at most `most`.
    async fn manifests_by_age(
        &mut self,
        repository: RepositoryId,
        last: Option<&Digest>,
        most: u32,
    ) -> Result<Vec<AgedManifest>>;
    /// Whether nothing holds a manifest, as [`AgedManifest::loose`]; false where it is gone.
    async fn is_loose(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool>;
}
