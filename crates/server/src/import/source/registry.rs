//! A registry as a source.

use async_trait::async_trait;
use wharf_core::{Digest, Reference, Result, Tag};
use wharf_outbound::{Document, Door, Download, Policy, RegistryAddress, Repository, Upstream};

use super::ImportSource;
use crate::{
    import::arguments::Options,
    login::{DockerFile, trust},
};

pub(super) struct Registry {
    address: RegistryAddress,
    upstream: Upstream,
}

impl Registry {
    /// For the owner of the login that is kept for it, if there is one.
    pub(super) fn open(address: &RegistryAddress, options: &Options, logins: &DockerFile) -> Result<Self> {
        let named = options.trusted.iter().map(String::as_str).chain([address.host()]);
        let door = Door::open(Policy::named(named), trust(options.authorities.as_deref())?)?;
        let upstream = Upstream::new(door, address, logins.login(address));
        Ok(Self { address: address.clone(), upstream })
    }
}

#[async_trait]
impl ImportSource for Registry {
    fn name(&self) -> String {
        format!("{}/", self.address)
    }

    async fn repositories(&self) -> Result<Vec<Repository>> {
        self.upstream.repositories().await
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        self.upstream.tags(repository).await
    }

    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
        self.upstream.resolve(repository, reference).await
    }

    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>> {
        self.upstream.manifest(repository, reference).await
    }

    async fn referrers(&self, repository: &Repository, subject: Digest) -> Result<Option<Vec<Digest>>> {
        self.upstream.referrers(repository, subject).await
    }

    fn blob<'a>(&'a self, repository: &Repository, digest: Digest, size: u64) -> Download<'a> {
        self.upstream.blob(repository, digest, size)
    }
}
