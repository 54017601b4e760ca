//! Where things are imported from.

mod directory;
mod packages;
mod registry;
mod tree;

use async_trait::async_trait;
use wharf_core::{Digest, Reference, Result, Tag};
use wharf_outbound::{Document, Door, Download, Policy, Repository, SimpleIndex};

use self::{directory::Directory, packages::Packages, registry::Registry};
use super::arguments::{Options, Origin};
use crate::login::{DockerFile, trust};

/// Something that holds repositories. All it yields is checked against its digest.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// What stands before the name of a repository in a report.
    fn name(&self) -> String;

    /// Every repository.
    async fn repositories(&self) -> Result<Vec<Repository>>;

    /// Every tag of a repository.
    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>>;

    /// Which manifest a reference names.
    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>>;

    /// A manifest.
    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>>;

    /// The manifests that are about this one; `None` where only a tag may tell.
    async fn referrers(&self, repository: &Repository, subject: Digest) -> Result<Option<Vec<Digest>>>;

    /// What a repository has and cannot be brought.
    async fn left_out(&self, _repository: &Repository) -> Result<Vec<LeftOut>> {
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
pub(super) fn open(options: &Options, logins: &DockerFile) -> Result<Box<dyn Source>> {
    match &options.origin {
        Origin::Registry(address) => Ok(Box::new(Registry::open(address, options, logins)?)),
        Origin::Directory(root) => Ok(Box::new(Directory::open(root)?)),
        Origin::Index(url) => {
            let named = options.trusted.iter().cloned().chain([SimpleIndex::host_of(url)?]);
            let door = Door::open(Policy::named(named), trust(options.authorities.as_deref())?)?;
            Ok(Box::new(Packages::of_index(SimpleIndex::new(door, url)?)))
        }
        Origin::Packages(folder) => Ok(Box::new(Packages::of_folder(folder)?)),
    }
}
