//! Releases: the index that stands for all that is listed of one, kept true in the transaction that changes it.
//!
//! A fact is listed from the push of its manifest on, whichever tag that gets, until the manifest is deleted or the tag
//! of its release is taken away. A tag that is set back to an index that was derived lists what that index holds.

use std::{collections::BTreeSet, sync::Arc};

use wharf_core::{
    Algorithm, Detail, Digest, Error, Kind, Result, Subject, Tag,
    gate::RepositoryId,
    manifest::{Manifest, Role},
};

use super::{Fact, Format, reading::all_listed};
use crate::{
    deed::Deed,
    policy::expect_movable,
    port::{Held, Mark, Move, NewManifest, Work},
};

/// Refuses facts whose names stand for other content, or did once.
pub(crate) async fn expect_free(
    work: &mut dyn Work,
    repository: RepositoryId,
    (manifest, facts): (&Digest, &[Fact]),
) -> Result<()> {
    for claim in facts.iter().flat_map(|fact| &fact.claims) {
        let name = &claim.name;
        match work.hold(repository, manifest, claim).await? {
            Held::Free => {}
            Held::Taken => {
                return Err(Error::new(Kind::Exists, format!("{name} already exists with other content")));
            }
            Held::Buried => {
                let message =
                    format!("{name} was there with other content and is deleted; its name is not used again");
                return Err(Error::new(Kind::Conflict, message).with(Detail::Manifest));
            }
        }
    }
    Ok(())
}

/// An index that was derived anew, and what became of the tag of its release.
pub(crate) struct Rebuilt {
    pub(crate) digest: Digest,
    pub(crate) moved: Move,
}

/// Derives the index of a release anew and points its tag there, if its format has one.
pub(crate) async fn rebuild(
    work: &mut dyn Work,
    format: &dyn Format,
    (repository, release): (RepositoryId, &Tag),
    mark: Mark<'_>,
) -> Result<Option<Rebuilt>> {
    let listed = all_listed(work, (repository, format.name()), Some(release)).await?;
    let Some(bytes) = format.derive(&listed)? else { return Ok(None) };
    let manifest = Arc::new(Manifest::parse(None, &bytes)?);
    let digest = wharf_hash::digest(Algorithm::Sha256, &bytes);
    work.insert_manifest(repository, &NewManifest::new(digest, bytes, manifest)?, mark.at).await?;
    let moved = work.set_tag(repository, release, &digest, mark).await?;
    Ok(Some(Rebuilt { digest, moved }))
}

/// Takes a tag away, and off the list what was listed in the release it stood for; the digest it pointed to.
pub(crate) async fn untag(
    work: &mut dyn Work,
    (repository, tag): (RepositoryId, &Tag),
    mark: Mark<'_>,
) -> Result<Option<Digest>> {
    let digest = work.remove_tag(repository, tag, mark).await?;
    if digest.is_some() {
        for (format, subject) in work.unlist(repository, tag).await? {
            work.move_page(repository, &format, &subject).await?;
        }
    }
    Ok(digest)
}

/// The formats, for whoever takes things off their lists.
#[derive(Clone)]
pub(crate) struct Listings(pub(crate) Vec<Arc<dyn Format>>);

impl Listings {
    /// Those that list releases.
    pub(crate) fn listing(&self) -> impl Iterator<Item = &Arc<dyn Format>> {
        self.0.iter().filter(|format| format.release_type().is_some())
    }

    /// Lists in a release what its tag was set back to: exactly the parts of an index that was derived, beside what is
    /// there the parts that another manifest holds itself. The pages that show them move on.
    pub(crate) async fn relist(
        &self,
        work: &mut dyn Work,
        (repository, release): (RepositoryId, &Tag),
        digest: &Digest,
    ) -> Result<()> {
        let standing = work.find_manifest(repository, digest).await?;
        let standing = standing.ok_or_else(|| Error::not_found(Subject::Manifest))?;
        let standing = Manifest::parse(Some(&standing.media_type), &standing.bytes)?;
        let is_derived =
            |format: &Arc<dyn Format>| format.release_type() == standing.artifact_type.as_deref();
        let (mut parts, mut moved) = (vec![*digest], BTreeSet::new());
        if self.listing().any(is_derived) {
            moved.extend(work.unlist(repository, release).await?);
            let children = standing.references.iter().filter(|(role, _)| *role == Role::Manifest);
            parts.extend(children.filter_map(|(_, child)| child.digest()));
        }
        for part in &parts {
            work.list_facts(repository, part, release).await?;
            let listings = work.listings_of(repository, part).await?;
            moved.extend(listings.into_iter().map(|(format, subject, _)| (format, subject)));
        }
        for (format, subject) in moved {
            work.move_page(repository, &format, &subject).await?;
        }
        Ok(())
    }

    /// Derives the index of a release anew, or takes its tag away with the last that was listed in it.
    async fn shrink_release(
        &self,
        work: &mut dyn Work,
        format: &dyn Format,
        (repository, release): (RepositoryId, &Tag),
        deed: Deed<'_>,
    ) -> Result<()> {
        if work.first_listed(repository, format.name(), Some(release)).await?.is_none() {
            let deed = Deed { action: "tag.delete", ..deed }.to_tag(release);
            work.remove_tag(repository, release, deed.mark()).await?;
            return deed.tell(work, repository).await;
        }
        match rebuild(work, format, (repository, release), deed.mark()).await? {
            Some(rebuilt) if rebuilt.moved != Move::Stands => {
                let deed = Deed { action: "manifest.push", ..deed };
                deed.to_tag(release).to(&rebuilt.digest).tell(work, repository).await
            }
            _ => Ok(()),
        }
    }

    /// Moves the pages on that show what stood beside.
    pub(crate) async fn move_pages(
        &self,
        work: &mut dyn Work,
        repository: RepositoryId,
        gone: &[(String, String)],
    ) -> Result<()> {
        for (name, subject) in gone {
            if self.listing().any(|format| format.name() == name) {
                work.move_page(repository, name, subject).await?;
            }
        }
        Ok(())
    }

    /// Brings releases and pages in line after a manifest went that was listed in them. An index that its format
    /// derived shrinks, and its tag goes with the last of its parts; a tag that a client set stays.
    pub(crate) async fn shrink(
        &self,
        work: &mut dyn Work,
        (repository, gone): (RepositoryId, &[(String, String, Tag)]),
        deed: Deed<'_>,
    ) -> Result<()> {
        for (name, subject, release) in gone {
            if let Some(format) = self.0.iter().find(|format| format.name() == name)
                && is_derived(work, format.as_ref(), (repository, release)).await?
            {
                expect_movable(work, repository, deed.place, &[release]).await?;
                self.shrink_release(work, format.as_ref(), (repository, release), deed).await?;
            }
            work.move_page(repository, name, subject).await?;
        }
        Ok(())
    }
}

/// Whether what stands under the tag of a release is an index that its format derived.
async fn is_derived(
    work: &mut dyn Work,
    format: &dyn Format,
    (repository, release): (RepositoryId, &Tag),
) -> Result<bool> {
    let Some(standing) = work.find_tagged(repository, release).await? else { return Ok(false) };
    let standing = Manifest::parse(Some(&standing.media_type), &standing.bytes)?;
    Ok(standing.artifact_type.as_deref() == format.release_type() && standing.artifact_type.is_some())
}
