//! What pulls look for, over and over.

use async_trait::async_trait;
use wharf_core::{Digest, Reference, Result, gate::RepositoryId};
use wharf_registry::port::{BlobRow, Blobs as _, ManifestRow, Manifests as _, Tags as _};

use super::SqlWork;
use crate::{
    database::Step,
    memory::{Recall, Remembered},
    session::Session,
};

/// Finds the manifest a reference names.
pub(crate) struct FindManifest {
    pub(crate) repository: RepositoryId,
    pub(crate) reference: Reference,
}

#[async_trait]
impl Step for FindManifest {
    type Output = Option<ManifestRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<ManifestRow>> {
        let mut work = SqlWork::on(session);
        match &self.reference {
            Reference::Tag(tag) => work.find_tagged(self.repository, tag).await,
            Reference::Digest(digest) => work.find_manifest(self.repository, digest).await,
        }
    }
}

impl Recall for FindManifest {
    fn recall(&self, remembered: &mut Remembered) -> Option<Option<ManifestRow>> {
        let digest = match &self.reference {
            Reference::Tag(tag) => remembered.tags.get(&(self.repository, tag.clone()))?,
            Reference::Digest(digest) => *digest,
        };
        remembered.manifests.get(&(self.repository, digest)).map(Some)
    }

    fn keep(&self, found: &Option<ManifestRow>, remembered: &mut Remembered) {
        let Some(manifest) = found else { return };
        if let Reference::Tag(tag) = &self.reference {
            remembered.tags.insert((self.repository, tag.clone()), manifest.digest);
        }
        remembered.manifests.insert((self.repository, manifest.digest), manifest.clone());
    }
}

/// Finds a blob that is a member of a repository.
pub(crate) struct FindMember {
    pub(crate) repository: RepositoryId,
    pub(crate) digest: Digest,
}

#[async_trait]
impl Step for FindMember {
    type Output = Option<BlobRow>;

    async fn run(&self, session: &mut dyn Session) -> Result<Option<BlobRow>> {
        SqlWork::on(session).find_member(self.repository, &self.digest).await
    }
}

impl Recall for FindMember {
    fn recall(&self, remembered: &mut Remembered) -> Option<Option<BlobRow>> {
        remembered.members.get(&(self.repository, self.digest)).map(Some)
    }

    fn keep(&self, found: &Option<BlobRow>, remembered: &mut Remembered) {
        if let Some(blob) = found {
            remembered.members.insert((self.repository, self.digest), blob.clone());
        }
    }
}
