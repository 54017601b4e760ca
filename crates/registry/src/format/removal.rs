//! Taking apart what is listed: a part of a release, or a whole one.
//!
//! What goes are manifests, each as a client's deletion takes it; a removal that is cut off in between goes on by asking
//! again.

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Error, Grant, Kind, Result, Subject, Tag,
    action::Delete,
    gate::{RegistryId, RepositoryId},
};

use super::{Listings, notice::find};
use crate::{
    Registry,
    port::{About, Transaction, Work},
    upload::on_its_own,
};

impl Registry {
    /// Removes every manifest that is listed of a release, or that holds a part, and the tag of the release. The names
    /// stay taken.
    ///
    /// # Errors
    /// `NotFound` where nothing of it is listed; those of [`Registry::delete_manifest`].
    pub async fn remove_listed(&self, grant: &Grant<Delete>, about: About) -> Result<()> {
        self.expect_deletion()?;
        let Some((repository, registry)) = grant.repository().zip(grant.registry()) else {
            return Err(Error::not_found(Subject::Name));
        };
        let (at, formats) = ((registry.id, repository), self.listings());
        let (registry, mut grant) = (self.clone(), grant.clone());
        // A client that hangs up leaves nothing half done.
        on_its_own(async move {
            let mut removed = 0;
            while let Some(digest) =
                registry.store().view(FindNext { at, about: about.clone(), formats: formats.clone() }).await?
            {
                ignore_gone(registry.delete_manifest(&grant, &digest, Condition::default()).await)?;
                grant = registry.regrant(&grant).await?;
                removed += 1;
            }
            if removed == 0 {
                let message = "nothing of that name is listed here";
                return Err(Error::new(Kind::NotFound(Subject::Name), message));
            }
            match about {
                About::Release(tag) => registry.remove_tag_of(&grant, &tag).await,
                About::Part(_) | About::All => Ok(()),
            }
        })
        .await
    }

    /// The release that a name stands for, in whatever spelling its format knows.
    ///
    /// # Errors
    /// `NotFound` for a name that no release has.
    pub fn release_named(&self, name: &str) -> Result<Tag> {
        self.listings().release(name).ok_or_else(|| Error::not_found(Subject::Manifest))
    }

    /// A tag that a client set stays when the last part of its release goes; with the release it goes too.
    async fn remove_tag_of(&self, grant: &Grant<Delete>, tag: &Tag) -> Result<()> {
        ignore_gone(self.delete_tag(grant, tag, Condition::default()).await)
    }
}

/// Another request was faster, which is as good.
fn ignore_gone(deleted: Result<()>) -> Result<()> {
    match deleted {
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(()),
        deleted => deleted,
    }
}

/// The next manifest that is to go.
struct FindNext {
    at: (RegistryId, RepositoryId),
    about: About,
    formats: Listings,
}

#[async_trait]
impl Transaction for FindNext {
    type Output = Option<Digest>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<Digest>> {
        for format in self.formats.listing() {
            let wanted = (format.name(), format.part(), &self.about);
            if let Some(row) = find(work, self.at, wanted).await? {
                return Ok(Some(row.digest));
            }
        }
        Ok(None)
    }
}
