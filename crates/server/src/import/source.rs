//! Where things are imported from.

mod charts;
mod directory;
mod packages;
mod registry;
mod tree;

use async_trait::async_trait;
use wharf_core::{Digest, Reference, Result, Tag};
use wharf_outbound::{ChartRepository, Document, Door, Download, Policy, Repository, SimpleIndex};

use self::{charts::Charts, directory::Directory, packages::Packages, registry::Registry};
use super::arguments::{Options, Origin};
use crate::login::{DockerFile, trust};

/// Something that holds repositories. All it yields is checked against its digest.
#[async_trait]
pub(super) trait ImportSource: Send + Sync {
    /// What stands before the name of a repository in a report.
    fn name(&self) -> String;

    /// Every repository.
    async fn repositories(&self) -> Result<Vec<Repository>>;

    /// Every tag of a repository.
    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>>;

    /// Which manifest a reference names.
    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>>;

    /// What the server's manifest must name to be what this reference means here, where that can be told without reading
    /// it; `None` where only the digest of the manifest tells.
    async fn contents(
        &self,
        _repository: &Repository,
        _reference: &Reference,
    ) -> Result<Option<Vec<Digest>>> {
        Ok(None)
    }

    /// A manifest.
    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>>;

    /// The manifests that are about this one; `None` where only a tag may tell.
    async fn referrers(&self, repository: &Repository, subject: Digest) -> Result<Option<Vec<Digest>>>;

    /// What a repository has and cannot be brought; of none, what has no repository that it could be brought to.
    async fn left_out(&self, _repository: Option<&Repository>) -> Result<Vec<LeftOut>> {
        Ok(Vec::new())
    }

    /// A blob of so many bytes.
    fn blob<'a>(&'a self, repository: &Repository, digest: Digest, size: u64) -> Download<'a>;
}

/// Something of a source that no registry would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// What it is called.
    pub(super) what: String,
    /// Why.
    pub(super) why: String,
}

/// The source that the options name.
pub(super) fn open(options: &Options, logins: &DockerFile) -> Result<Box<dyn ImportSource>> {
    let door = |host: String| {
        let named = options.trusted.iter().cloned().chain([host]);
        Door::open(Policy::named(named), trust(options.authorities.as_deref())?)
    };
    match &options.origin {
        Origin::Registry(address) => Ok(Box::new(Registry::open(address, options, logins)?)),
        Origin::Directory(root) => Ok(Box::new(Directory::open(root)?)),
        Origin::Index(url) => {
            let index = SimpleIndex::new(door(SimpleIndex::host_of(url)?)?, url)?;
            Ok(Box::new(Packages::of_index(index)))
        }
        Origin::Charts(folder) => Ok(Box::new(Charts::of_folder(folder)?)),
        Origin::ChartRepository(url) => {
            let repository = ChartRepository::new(door(ChartRepository::host_of(url)?)?, url)?;
            Ok(Box::new(Charts::of_repository(repository)))
        }
        Origin::Packages(folder) => Ok(Box::new(Packages::of_folder(folder)?)),
    }
}
