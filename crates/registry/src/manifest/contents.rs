//! Looking for what a large manifest names, before it waits for the one place where writes are made.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use wharf_core::{
    Grant, Result,
    action::Push,
    gate::RepositoryId,
    manifest::{Descriptor, Manifest, Role},
};

use super::{MOST_NAMED, missing_content};
use crate::{
    Registry,
    port::{Transaction, Work},
};

/// Manifests that name no more than this are looked at in their own transaction only.
const FEW: usize = 64;

impl Registry {
    /// Refuses a manifest that names many contents if some are missing. The transaction that stores it looks again; but
    /// thousands of names that lead nowhere must not hold up everybody else's writes.
    ///
    /// # Errors
    /// `Invalid` naming what is missing; `Unavailable`.
    pub(super) async fn expect_contents(&self, grant: &Grant<Push>, manifest: &Arc<Manifest>) -> Result<()> {
        let accepted = grant.registry().is_some_and(|registry| registry.accepts_missing_content);
        if accepted || manifest.references.len() <= FEW {
            return Ok(());
        }
        let find = FindMissing { repository: grant.repository(), manifest: manifest.clone() };
        match self.store().view(find).await? {
            missing if missing.is_empty() => Ok(()),
            missing => Err(missing_content(missing)),
        }
    }
}

struct FindMissing {
    repository: Option<RepositoryId>,
    manifest: Arc<Manifest>,
}

#[async_trait]
impl Transaction for FindMissing {
    type Output = Vec<String>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<String>> {
        let (mut seen, mut missing) = (BTreeSet::new(), Vec::new());
        for (role, descriptor) in &self.manifest.references {
            let elsewhere = *role == Role::Layer && descriptor.is_nondistributable();
            if elsewhere || !seen.insert((role.word(), &descriptor.digest)) {
                continue;
            }
            if !is_there(work, self.repository, (*role, descriptor)).await? {
                missing.push(descriptor.digest.clone());
            }
            // Enough to say; the rest need not be looked for.
            if missing.len() == MOST_NAMED {
                break;
            }
        }
        Ok(missing)
    }
}

async fn is_there(
    work: &mut dyn Work,
    repository: Option<RepositoryId>,
    (role, descriptor): (Role, &Descriptor),
) -> Result<bool> {
    let (Some(repository), Some(digest)) = (repository, descriptor.digest()) else { return Ok(false) };
    match role {
        Role::Manifest => work.has_manifest(repository, &digest).await,
        Role::Config | Role::Layer => Ok(work.find_member(repository, &digest).await?.is_some()),
    }
}
